import type { Command } from "commander";
import type { Runner, SweepProgress } from "../experiments/index.js";
import { TwotempError } from "../errors.js";
import { folderName, openExperiment, positiveNumber, stopSignal, wholeNumber } from "./options.js";

interface Options {
  store?: string;
  engine?: string;
  workers?: number;
  memory?: number;
  taskTimeout?: number;
  inline?: boolean;
  queue?: string | true;
  queueName?: string;
  slots?: number;
  retry?: boolean;
}

/** Seconds between two lines of progress where there is no terminal. */
const lineSeconds = 10;

/** `twotemp run`: does what is left of an experiment. */
export function addRun(program: Command): void {
  program
    .command("run")
    .summary("run an experiment, or go on with it")
    .description(
      "Does every task of an experiment that has no record yet. Ctrl-C stops within two seconds and keeps what is done; the next call goes on.",
    )
    .argument("<experiment>", "a file, or the name of one in experiments/")
    .option("--store <folder>", "folder of the records (default: runs/NAME)", folderName)
    .option("--engine <name>", "native, wasm or cpu")
    .option("--workers <n>", "processes on this machine (default: one a core)", wholeNumber)
    .option("--memory <MB>", "memory of each process; one that takes more is replaced", wholeNumber)
    .option("--task-timeout <s>", "seconds after which a try counts as hung (default: 3600)", positiveNumber)
    .option("--inline", "one task after another in this process")
    .option("--queue [url]", "have workers do it: redis://host:port (default: $TWOTEMP_QUEUE), see twotemp work")
    .option("--queue-name <name>", "name of the queue (default: twotemp)")
    .option("--slots <n>", "tasks in the queue at once (default: 1000)", wholeNumber)
    .option("--retry", "try tasks again that were set aside")
    .action(async (name: string, options: Options) => {
      const signal = stopSignal();
      const experiment = await openExperiment(name, options);
      const { runExperiment, storeFolder } = await import("../experiments/index.js");
      const summary = await runExperiment(experiment, {
        store: options.store,
        runner: await runnerOf(options),
        retry: options.retry,
        signal,
        onProgress: await display(),
      });
      const { done, total, added, failed, blocked, stopped } = summary;
      const parts = [
        `${experiment.name}: ${done} of ${total} tasks done, ${added} of them now`,
        ...(failed > 0 ? [`${failed} set aside after three tries (twotemp status ${name} says why)`] : []),
        ...(blocked > 0 ? [`${blocked} wait for those`] : []),
        ...(stopped ? ["stopped: the next call goes on"] : []),
      ];
      console.log(`${parts.join("; ")}\n${options.store ?? storeFolder(experiment)}`);
      process.exitCode = stopped ? 130 : failed + blocked > 0 ? 1 : 0;
    });
}

async function runnerOf(options: Options): Promise<Runner> {
  const { inlineRunner, poolRunner, queueRunner } = await import("../experiments/index.js");
  if (options.queue) {
    const url = options.queue === true ? process.env.TWOTEMP_QUEUE : options.queue;
    if (!url)
      throw new TwotempError("cli/queue", "--queue needs an address, there or in TWOTEMP_QUEUE: redis://host:port");
    return queueRunner({ url, name: options.queueName, slots: options.slots });
  }
  if (options.inline) return inlineRunner();
  return poolRunner({
    workers: options.workers,
    memory: options.memory && options.memory * 2 ** 20,
    taskSeconds: options.taskTimeout,
  });
}

/** A bar in a terminal, a line now and then elsewhere. */
async function display(): Promise<(progress: SweepProgress) => void> {
  const { progressBar, progressText } = await import("../plot/progressBar.js");
  if (process.stderr.isTTY) return progressBar();
  let shown = performance.now();
  return (progress) => {
    if (performance.now() - shown < 1000 * lineSeconds) return;
    shown = performance.now();
    process.stderr.write(`${progressText(progress)}\n`);
  };
}
