import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { dataset } from "../../lib/data/index.js";
import { ready } from "../../lib/engine/index.js";
import { Random } from "../../lib/engine/random.js";
import { TwotempError } from "../../lib/errors.js";
import { canonicalJson, sha256 } from "../../lib/experiments/canonical.js";
import { decodeCheckpoint, encodeCheckpoint } from "../../lib/experiments/checkpoint.js";
import { planExperiment } from "../../lib/experiments/index.js";
import { parseExperimentText } from "../../lib/experiments/experiment.js";
import { orderSchema } from "../../lib/experiments/queue.js";
import { decodeRecord, encodeRecord, makeRecord } from "../../lib/experiments/record.js";
import { RunStore } from "../../lib/experiments/store.js";
import { checkTask, executeTask } from "../../lib/experiments/task.js";
import { mlp } from "../../lib/models/index.js";
import { projectRoot } from "../../lib/project.js";
import { resumeSearch, search, type SearchCheckpoint } from "../../lib/search/index.js";
import { searchSpace } from "../../lib/space/index.js";
import { fuzz, mutate, runs } from "../fuzz.js";
import { emptyFolder, stamp, walks } from "./support.js";

/** Plain data in which one field is left out or has another value. */
function changed(data: object, random: Random): unknown {
  const copy = structuredClone(data) as Record<string, unknown>;
  let at = copy;
  for (;;) {
    const keys = Object.keys(at);
    const key = keys[random.integer(keys.length)];
    const next = at[key];
    const inner = typeof next === "object" && next !== null && Object.keys(next).length > 0;
    if (inner && random.integer(5) > 0) {
      at = next as Record<string, unknown>;
      continue;
    }
    const values = [NaN, -1, 0.5, 1e300, "a", [], {}, null, undefined, new Float32Array(2), new Float64Array([NaN])];
    if (random.integer(4) === 0 && !ArrayBuffer.isView(at)) delete at[key];
    else at[key] = values[random.integer(values.length)];
    return copy;
  }
}

describe("mutated input", { timeout: 900_000 }, () => {
  for (const file of ["testbed", "digits"]) {
    test(`experiment files: ${file}`, async () => {
      await ready();
      const bytes = readFileSync(join(projectRoot, "experiments", `${file}.json`));
      await fuzz(file, bytes, (input) => planExperiment(parseExperimentText(input.toString(), "fuzzed")));
    });
  }

  test("records, as they are and with a hash that fits", async () => {
    const [task] = walks(1, { size: 3 });
    const record = makeRecord(stamp, task, await executeTask(task, { inputs: [] }));
    const bytes = Buffer.from(encodeRecord(record));
    const read = (input: Buffer): void => {
      const found = decodeRecord(input.toString(), "fuzzed", task.id);
      // What is taken can be written again.
      encodeRecord(found);
    };
    await fuzz("records", bytes, read);
    const body = Buffer.from(canonicalJson(record));
    await fuzz("hashed records", body, read, (mutated) => {
      const text = mutated.toString();
      return Buffer.from(`{"hash":"${sha256(text)}","record":${text}}\n`);
    });
  });

  test("tasks and orders of a queue", async () => {
    const [task] = walks(1);
    const parse = (input: Buffer): unknown => {
      try {
        return JSON.parse(input.toString());
      } catch {
        return undefined;
      }
    };
    await fuzz("tasks", Buffer.from(JSON.stringify(task)), (input) => checkTask(parse(input)));
    await fuzz("orders", Buffer.from(JSON.stringify({ task, inputs: [1], experiment: stamp })), (input) => {
      const parsed = orderSchema.safeParse(parse(input));
      if (!parsed.success) throw new TwotempError("experiments/task", "refused");
      checkTask(parsed.data.task);
    });
  });

  test("checkpoints, as they are and with a hash that fits", async () => {
    const data = {
      step: 3,
      logits: new Float64Array([1, NaN, -0]),
      slots: [new Float32Array(10), { name: "a" }],
      none: undefined,
    };
    const bytes = encodeCheckpoint(data);
    const read = (input: Buffer): void => void encodeCheckpoint(decodeCheckpoint(input, "fuzzed"));
    await fuzz("checkpoints", bytes, read);
    await fuzz("hashed checkpoints", bytes.subarray(0, -32), read, (mutated) =>
      Buffer.concat([mutated, createHash("sha256").update(mutated).digest()]),
    );
  });

  for (const how of ["bytes", "fields"] as const) {
    test(`contents of a search's checkpoint, with a hash that fits: ${how}`, async () => {
      await ready();
      const source = (await dataset("digits:0-4")).standardised();
      const model = mlp({ inputShape: source.inputShape, hidden: [4], classes: 5 });
      const space = searchSpace(model, { gates: "input" });
      const run = search(space, source, { steps: 8, batch: 8, density: 0.25 });
      while (run.step < 3) run.advance();
      const saved = run.checkpoint();
      run.dispose();
      const resume = (input: Buffer): void =>
        resumeSearch(space, source, decodeCheckpoint(input, "fuzzed") as SearchCheckpoint, "fuzzed").dispose();
      const amend = {
        bytes: (mutated: Buffer) => Buffer.concat([mutated, createHash("sha256").update(mutated).digest()]),
        // Bytes seldom hit a field as a whole.
        fields: (_: Buffer, random: Random) => encodeCheckpoint(changed(saved, random)),
      };
      await fuzz(`checkpoints' ${how}`, encodeCheckpoint(saved).subarray(0, -32), resume, amend[how]);
    });
  }

  test("a store's index, failures and journal: rubbish in them is left out", async (context) => {
    const folder = emptyFolder(context);
    const store = new RunStore(folder);
    const tasks = walks(3, { size: 1 });
    for (const task of tasks) store.put(makeRecord(stamp, task, await executeTask(task, { inputs: [] })));
    store.putFailure({ task: tasks[0], errors: ["a"] });
    store.log({ task: tasks[0].id, kind: "walk", ended: "now", seconds: 1, outcome: "done" });
    store.close();
    const files = {
      index: join(folder, "index"),
      failure: join(folder, "failed", `${tasks[0].id}.json`),
      journal: join(folder, "journal", "fuzz.jsonl"),
    };
    mkdirSync(join(folder, "journal"), { recursive: true });
    writeFileSync(
      files.journal,
      JSON.stringify({ task: "x", kind: "walk", ended: "now", seconds: 1, outcome: "done" }),
    );
    const seeds = Object.entries(files).map(([name, path]) => [name, path, readFileSync(path)] as const);
    for (let i = 0; i < runs; i++) {
      const [name, path, bytes] = seeds[i % seeds.length];
      writeFileSync(path, mutate(bytes, new Random(i, "fuzz", name)));
      const reader = new RunStore(folder, { readOnly: true });
      for (const { id } of tasks) assert.ok(reader.get(id), `run ${i}: ${name}`);
      reader.failures();
      reader.journal();
      reader.close();
    }
  });
});
