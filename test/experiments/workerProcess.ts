import { createRequire } from "node:module";
import { work, type WorkerOptions } from "../../lib/experiments/work.js";

/** A worker of a queue as a process: its options, as JSON, are its argument. It prints its notices. */
async function main(): Promise<void> {
  const options = JSON.parse(process.argv[2]) as WorkerOptions;
  for (const module of options.modules ?? []) createRequire(__filename)(module);
  const controller = new AbortController();
  process.on("SIGTERM", () => controller.abort());
  await work({ ...options, signal: controller.signal, onNotice: (line) => console.log(line) });
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error((error as Error).message);
    process.exit(1);
  },
);
