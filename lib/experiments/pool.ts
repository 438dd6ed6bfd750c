import { readFileSync } from "node:fs";
import { execFile } from "node:child_process";
import { availableParallelism, totalmem } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Pool } from "workerpool";
import { engine } from "../engine/index.js";
import { TwotempError } from "../errors.js";
import type { Json } from "./canonical.js";
import { type Order, type Runner, withTries } from "./runner.js";

export interface PoolOptions {
  /** Number of processes. Default: the number of cores. */
  readonly workers?: number;
  /** Threads of one TensorFlow operation in each. Default 1: two processes of one thread beat one of two. */
  readonly threads?: number;
  /** Memory of each process in bytes; one that takes more is ended and its task tried again. Default: 0.8 of all, shared. */
  readonly memory?: number;
  /** Seconds after which a try counts as hung. Default 3600. */
  readonly taskSeconds?: number;
  /** How often a task is tried. Default 3. */
  readonly tries?: number;
  /** Modules that define the kinds of tasks, by absolute path. Default: those of this package. */
  readonly modules?: readonly string[];
}

/** What a worker process answers. */
export type Answer = { readonly result: Json } | { readonly code: string | undefined; readonly error: string };

/** How often memory and time are looked at. */
const watchMilliseconds = 500;

/** How long a process that is told to end may take. Of one that died idle, workerpool awaits the end for ever. */
const endMilliseconds = 500;

/** How long a process may take to start, beside the time of its task. */
const startSeconds = 60;

/** The memory that this process may use, in bytes. */
function availableMemory(): number {
  const constrained = process.constrainedMemory?.() ?? 0;
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

/** Resident memory of a process in bytes; undefined when it is gone. */
async function residentMemory(pid: number): Promise<number | undefined> {
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    return kilobytes ? Number(kilobytes[1]) * 1024 : undefined;
  } catch {
    if (process.platform === "linux") return undefined;
  }
  try {
    return Number((await promisify(execFile)("ps", ["-o", "rss=", "-p", String(pid)])).stdout) * 1024;
  } catch {
    return undefined;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It is gone already.
  }
}

/** One worker process, replaced whenever it dies or has to be ended. */
class Slot {
  private pool: Pool | undefined;
  private pid: number | undefined;
  /** Until the processes that were told to end have done so. */
  private ending: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly memory: number,
    private readonly taskSeconds: number,
    private readonly start: () => Promise<Pool>,
  ) {}

  async run({ task, inputs, scratch }: Order, signal: AbortSignal): Promise<Json> {
    this.pool ??= await this.start();
    signal.throwIfAborted();
    let ended: string | undefined;
    // Not only killed: the order ends at once, also where its process takes long to go.
    const end = (reason: string): void => {
      ended ??= reason;
      void this.close();
    };
    // A process that is just starting gets its time too.
    let deadline = performance.now() + 1000 * (this.taskSeconds + startSeconds);
    let looking = false;
    const watch = setInterval(async () => {
      if (looking) return;
      looking = true;
      const used = this.pid === undefined ? undefined : await residentMemory(this.pid);
      looking = false;
      if (used !== undefined && used > this.memory)
        end(`it took ${megabytes(used)} MB, more than ${megabytes(this.memory)}`);
      if (performance.now() > deadline) end(`no result after ${this.taskSeconds} s`);
    }, watchMilliseconds);
    const abort = (): void => end("stopped");
    signal.addEventListener("abort", abort);
    let answer: Answer & { memory: number };
    try {
      answer = (await this.pool.exec("execute", [task, inputs, scratch], {
        on: ({ pid }: { pid: number }) => {
          this.pid = pid;
          deadline = performance.now() + 1000 * this.taskSeconds;
        },
      })) as Answer & { memory: number };
    } catch (error) {
      // Of what went wrong nothing is used again.
      await this.close();
      signal.throwIfAborted();
      if (ended === undefined && !/terminated|exited|closed/i.test(String((error as Error).message))) throw error;
      const how = /signalCode: `(\w+)`/.exec((error as Error).message)?.[1];
      throw new Error(`the process was ended: ${ended ?? `it died${how && how !== "null" ? ` of ${how}` : ""}`}`, {
        cause: error,
      });
    } finally {
      clearInterval(watch);
      signal.removeEventListener("abort", abort);
    }
    // What a task leaves behind adds up: a process that holds too much starts anew.
    if (answer.memory > this.memory) await this.close();
    if ("result" in answer) return answer.result;
    throw answer.code ? new TwotempError(answer.code, answer.error) : new Error(answer.error);
  }

  async close(): Promise<void> {
    const { pool, pid } = this;
    this.pool = undefined;
    this.pid = undefined;
    if (pid !== undefined) kill(pid);
    const end = async (): Promise<void> => void (await pool?.terminate(true, endMilliseconds));
    this.ending = Promise.allSettled([this.ending, end()]);
    await this.ending;
  }
}

const megabytes = (bytes: number): number => Math.round(bytes / 2 ** 20);

/**
 * Does tasks in processes of this machine. A process that dies, hangs or takes too much memory is replaced and its
 * task tried again.
 *
 * @param options - workers, threads and memory of each, seconds a try may take
 * @throws TwotempError `experiments/pool` for numbers that can't be
 * @example
 * ```ts
 * const runner = poolRunner({ workers: 4 });
 * ```
 */
export function poolRunner(options: PoolOptions = {}): Runner {
  const workers = options.workers ?? availableParallelism();
  const threads = options.threads ?? 1;
  const memory = options.memory ?? Math.floor((0.8 * availableMemory()) / workers);
  const taskSeconds = options.taskSeconds ?? 3600;
  for (const [name, value] of Object.entries({ workers, threads, memory, taskSeconds })) {
    const whole = name === "taskSeconds" || Number.isInteger(value);
    if (!(value > 0 && value < Infinity && whole)) {
      throw new TwotempError(
        "experiments/pool",
        `${name} must be a ${name === "taskSeconds" ? "" : "whole "}number above 0, got ${value}`,
      );
    }
  }
  const modules = options.modules ?? [join(__dirname, "tasks", "index.js")];
  const start = async (): Promise<Pool> => {
    const { pool } = await import("workerpool");
    return pool(join(__dirname, "poolWorker.js"), {
      workerType: "process",
      maxWorkers: 1,
      workerTerminateTimeout: 200,
      forkArgs: [...modules],
      forkOpts: {
        execArgv: [`--max-old-space-size=${Math.max(64, megabytes(memory))}`],
        env: {
          ...process.env,
          ...(engine() && { TWOTEMP_ENGINE: engine()?.engine }),
          TF_NUM_INTRAOP_THREADS: String(threads),
          TF_NUM_INTEROP_THREADS: "1",
          OMP_NUM_THREADS: String(threads),
        },
      },
    });
  };
  const slots = Array.from({ length: workers }, () => new Slot(memory, taskSeconds, start));
  const free = [...slots];
  return {
    slots: workers,
    run: (order, signal) =>
      withTries(
        order.task,
        signal,
        async () => {
          const slot = free.pop();
          if (!slot) throw new TwotempError("experiments/pool", `all ${workers} workers are busy`);
          try {
            return await slot.run(order, signal);
          } finally {
            free.push(slot);
          }
        },
        options.tries,
      ),
    close: async () => {
      await Promise.all(slots.map((slot) => slot.close()));
    },
  };
}
