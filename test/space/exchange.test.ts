import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { before, describe, test } from "node:test";
import { z } from "zod";
import { Random, ready } from "../../lib/engine/index.js";
import { cnn, mlp } from "../../lib/models/index.js";
import { architectureSchema, searchSpace } from "../../lib/space/index.js";
import { needs } from "../support.js";

const docs = resolve(__dirname, "../../../docs");
const python = spawnSync("python3", ["--version"]).status === 0;

describe("the JSON of an architecture", () => {
  before(() => ready());

  test("has the schema that docs/architecture.schema.json publishes", () => {
    const published: unknown = JSON.parse(readFileSync(join(docs, "architecture.schema.json"), "utf8"));
    assert.deepEqual(published, JSON.parse(JSON.stringify(z.toJSONSchema(architectureSchema))));
  });

  test(
    "is read by the Python reader, which refuses a file that was changed",
    needs("Python 3", python, "apt-get install python3"),
    () => {
      const folder = mkdtempSync(join(tmpdir(), "twotemp-architecture-"));
      try {
        const file = join(folder, "architecture.json");
        const read = (): unknown =>
          JSON.parse(
            execFileSync("python3", [join(docs, "read_architecture.py"), file], { encoding: "utf8", stdio: "pipe" }),
          );
        const spaces = [
          searchSpace(cnn({ inputShape: [8, 8, 1], filters: [3, 4], dense: 5, classes: 3 }), { gates: "weight" }),
          searchSpace(mlp({ inputShape: [4, 4, 1], hidden: [6], classes: 3 }), { gates: "input" }),
        ];
        for (const space of spaces) {
          const architecture = space.keepLargest(new Random(1).normals(space.gateCount), 0.5);
          writeFileSync(file, JSON.stringify(architecture));
          const masks = read() as Record<string, unknown[]>;
          assert.deepEqual(
            Object.keys(masks),
            space.groups.map(({ name }) => name),
          );
          for (const { name, shape } of space.groups) {
            assert.deepEqual(masks[name].flat(Infinity), [...architecture.group(name)]);
            let nested: unknown = masks[name];
            for (const extent of shape) {
              assert.equal((nested as unknown[]).length, extent);
              nested = (nested as unknown[])[0];
            }
          }
          const json = architecture.toJSON();
          writeFileSync(
            file,
            JSON.stringify({ ...json, groups: json.groups.map((group) => ({ ...group, kind: "unit" })) }),
          );
          assert.throws(read, /the file was changed/);
        }
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );

  test("has a reader of at most 30 lines of code", () => {
    const code = readFileSync(join(docs, "read_architecture.py"), "utf8").replace(/^"""[\s\S]*?"""\n/, "");
    const lines = code.split("\n").filter((line) => line.trim() !== "");
    assert.ok(lines.length <= 30, `${lines.length} lines`);
  });
});
