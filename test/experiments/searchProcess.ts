import { ready } from "../../lib/engine/index.js";
import { canonicalJson } from "../../lib/experiments/canonical.js";
import { executeTask, makeTask } from "../../lib/experiments/index.js";

/** Runs one search with a checkpoint after every step, and prints its result: engine, folder, steps, kind of update, strategy. */
async function main(): Promise<void> {
  const [engine, scratch, steps, update, weights] = process.argv.slice(2);
  await ready({ engine: engine as "wasm", threads: 1 });
  const task = makeTask("search", {
    source: { name: "digits:0-4" },
    space: { model: { builder: "mlp", hidden: [12] }, gates: "input" },
    search: { density: 0.2, steps: Number(steps), batch: 16, redrawEvery: 50, update, weights, seed: 5 },
  });
  // Without a folder there are no checkpoints: the uninterrupted run.
  const context = scratch ? { scratch, checkpointSeconds: 0, onProgress: () => process.stdout.write("step\n") } : {};
  const result = canonicalJson(await executeTask(task, { inputs: [], ...context }));
  process.stdout.write(`result ${result}\n`);
}

void main();
