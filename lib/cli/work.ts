import { type Command, Option } from "commander";
import { positiveNumber, wholeNumber } from "./options.js";

interface Options {
  queue: string;
  queueName?: string;
  store?: string;
  engine?: string;
  workers?: number;
  memory?: number;
  taskTimeout?: number;
  stall?: number;
  idle?: number;
}

/** `twotemp work`: does tasks from a queue. */
export function addWork(program: Command): void {
  program
    .command("work")
    .summary("do tasks from a queue until stopped")
    .description(
      "Does tasks that `twotemp run --queue` puts into a Redis queue. Start one on each machine. Ctrl-C or SIGTERM gives what is under way back.",
    )
    .addOption(
      new Option("--queue <url>", "redis://[user:password@]host:port, or rediss:// for TLS")
        .env("TWOTEMP_QUEUE")
        .makeOptionMandatory(),
    )
    .option("--queue-name <name>", "name of the queue (default: twotemp)")
    .option("--store <folder>", "the records' folder if this machine shares it; otherwise results go through the queue")
    .option("--engine <name>", "native, wasm or cpu")
    .option("--workers <n>", "processes (default: one a core)", wholeNumber)
    .option("--memory <MB>", "memory of each process; one that takes more is replaced", wholeNumber)
    .option("--task-timeout <s>", "seconds after which a try counts as hung (default: 3600)", positiveNumber)
    .option("--stall <s>", "seconds of silence after which others take a task over (default: 30)", positiveNumber)
    .option("--idle <s>", "end after so many seconds without a task (default: never)", positiveNumber)
    .action(async (options: Options) => {
      const { stopSignal } = await import("./options.js");
      const signal = stopSignal();
      const { ready } = await import("../engine/index.js");
      await ready({ threads: 1, ...(options.engine && { engine: options.engine as "native" }) });
      const { work } = await import("../experiments/index.js");
      await work({
        url: options.queue,
        name: options.queueName,
        store: options.store,
        workers: options.workers,
        memory: options.memory && options.memory * 2 ** 20,
        taskSeconds: options.taskTimeout,
        stallSeconds: options.stall,
        idleSeconds: options.idle,
        signal,
        onNotice: (line) => console.log(`${new Date().toISOString()} ${line}`),
      });
    });
}
