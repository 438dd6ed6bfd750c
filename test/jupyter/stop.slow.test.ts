import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join, relative } from "node:path";
import { after, before, describe, test } from "node:test";
import { busy, needs } from "../support.js";
import { kernelInstalled, root, writeNotebook } from "../scripts/support.js";
import { startLab, type Lab } from "./lab.js";

const folder = join(root, "build", "stop-test");
const setUp = 'import * as tt from "twotemp";\nawait tt.ready();';

describe("the Stop button in JupyterLab", needs("JupyterLab", kernelInstalled, "npm run setup"), () => {
  let lab: Lab;
  before(async () => {
    mkdirSync(folder, { recursive: true });
    lab = await startLab();
  });
  after(async () => {
    await lab.close();
    rmSync(folder, { recursive: true });
  });

  /** Runs a notebook whose cells say `first run` and so on when they begin; `stops` of them are stopped, and then say `first end`. */
  async function stopped(name: string, cells: string[], stops: readonly string[], last: string): Promise<void> {
    const notebook = writeNotebook(join(folder, `${name}.ipynb`), [setUp, ...cells]);
    await lab.open(relative(root, notebook));
    await lab.choose("Run", "Run All Cells");
    const output = (text: string) => lab.page.locator(".jp-OutputArea-output", { hasText: text }).last();
    for (const which of stops) {
      await output(`${which} run`).waitFor();
      await lab.page.waitForTimeout(1000);
      const pressed = performance.now();
      await lab.page.locator('[data-command="notebook:interrupt-kernel"]').first().click();
      await output(`${which} end`).waitFor();
      const seconds = (performance.now() - pressed) / 1000;
      assert.ok(seconds < 1.5 * busy(), `from the click to the next output it took ${seconds} s`);
    }
    await output(last).waitFor();
  }

  test("ends a search within a second; the search goes on when it is run again", () =>
    stopped(
      "search",
      [
        `const digits = (await tt.dataset("digits:0-4")).standardised();
const space = tt.searchSpace(tt.mlp({ inputShape: digits.inputShape, hidden: [32], classes: 5 }), { gates: "input" });
const search = tt.search(space, digits, { density: 0.25, steps: 200_000, seed: 1 });`,
        'console.log("first run");\nawait search.run({ onStep: tt.live.search() });\nconst reached = search.step;\nconsole.log("first end");',
        'console.log("second run");\nawait search.run();\nconsole.log("second end", reached > 0 && search.step > reached);',
      ],
      ["first", "second"],
      "second end true",
    ));

  test("ends a sweep within a second; the next call keeps its records and does the others", () =>
    stopped(
      "sweep",
      [
        `const experiment = tt.readExperiment("testbed");
const options = { store: ${JSON.stringify(join(folder, "sweep"))} };
let told = false;
const onProgress = ({ done }: { done: number }) => {
  if (done > 0 && !told) { told = true; console.log("first run"); }
};`,
        'const first = await tt.runExperiment(experiment, { ...options, onProgress: onProgress });\nconsole.log("first end");',
        "const second = await tt.runExperiment(experiment, options);",
        'console.log("done", first.stopped && first.done > 0 && first.done < first.total, second.added === second.total - first.done, second.stopped);',
      ],
      ["first"],
      "done true true false",
    ));

  test("ends a download within a second; asked for again, it goes on where it was", async (t) => {
    const content = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 7919) % 251));
    const sha256 = createHash("sha256").update(content).digest("hex");
    const ranges: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      const { range } = request.headers;
      ranges.push(range);
      const start = Number(/bytes=(\d+)-/.exec(range ?? "")?.[1] ?? 0);
      const length = content.length - start;
      if (start > 0) {
        const part = {
          "content-length": length,
          "content-range": `bytes ${start}-${content.length - 1}/${content.length}`,
        };
        return void response.writeHead(206, part).end(content.subarray(start));
      }
      // A kilobyte every tenth of a second: 20 s in all.
      response.writeHead(200, { "content-length": length });
      let sent = 0;
      const timer = setInterval(() => {
        response.write(content.subarray(sent, (sent += 1000)));
        if (sent >= content.length) response.end();
      }, 100);
      response.on("close", () => clearInterval(timer));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => {
      server.closeAllConnections();
      server.close();
      rmSync(join(root, "datasets", "slow"), { recursive: true, force: true });
    });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const source = { name: "slow.bin", urls: [url], checksum: { algorithm: "sha256", hex: sha256 } };
    await stopped(
      "download",
      [
        `const digits = await tt.dataset("digits");
const entry = { name: "slow", files: ["slow.bin"], sources: [${JSON.stringify(source)}], read: async () => digits };
(tt.catalogue as unknown[]).push(entry);`,
        'console.log("first run");\nconsole.log("first end", await tt.errorOf(() => tt.dataset("slow")));',
        'console.log("second", (await tt.dataset("slow")).name);',
      ],
      ["first"],
      "second digits",
    );
    assert.equal(ranges.length, 2);
    assert.match(ranges[1]!, /^bytes=[1-9]\d*-$/);
  });
});
