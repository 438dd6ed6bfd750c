import { poolRunner } from "../../lib/experiments/pool.js";
import { RunStore } from "../../lib/experiments/store.js";
import { sweep } from "../../lib/experiments/sweep.js";
import { stopSignal } from "../../lib/cli/options.js";
import { kindsModule, stamp, walks } from "./support.js";

/** Sweeps walks in a store: folder, number of walks, their settings as JSON, workers. */
async function main(): Promise<void> {
  const [folder, count, settings, workers] = process.argv.slice(2);
  const signal = stopSignal();
  const store = new RunStore(folder);
  const runner = poolRunner({ workers: Number(workers), modules: [kindsModule] });
  const summary = await sweep(walks(Number(count), JSON.parse(settings) as object), stamp, store, {
    runner,
    signal,
    onProgress: ({ done }) => console.log(`done ${done}`),
  });
  await runner.close();
  store.close();
  console.log(JSON.stringify(summary));
}

void main();
