import { TwotempError } from "../errors.js";
import type { Json } from "./canonical.js";
import type { ExperimentStamp } from "./record.js";
import type { Task } from "./task.js";

/** A task with all that it takes to do it elsewhere. */
export interface Order {
  readonly task: Task;
  /** Results of the tasks it needs. */
  readonly inputs: readonly Json[];
  /** The experiment that asks, for the record. */
  readonly experiment: ExperimentStamp;
  /** A folder for checkpoints on this machine. */
  readonly scratch: string;
}

/** A task that is done. */
export interface Done {
  /** Undefined if whoever did it has put the record into the store already. */
  readonly result: Json | undefined;
  /** How long the try that worked took. */
  readonly seconds: number;
  /** Called when the record is safe, for whoever keeps the result until then. */
  readonly discard?: () => Promise<void>;
}

/** Where tasks are done: in this process, in a pool of processes, by the workers of a queue. */
export interface Runner {
  /** How many orders it can hold at once. */
  readonly slots: number;
  /**
   * Does a task, trying `tries` times.
   *
   * @throws TaskFailed when every try failed; anything else ends the sweep
   */
  run(order: Order, signal: AbortSignal): Promise<Done>;
  /** Ends every process that it started, within a second, whatever they do. */
  close(): Promise<void>;
}

/** How often a task is tried before it is set aside. */
export const tries = 3;

/** Every try of a task failed. */
export class TaskFailed extends TwotempError {
  constructor(
    readonly task: Task,
    readonly errors: readonly string[],
  ) {
    super("experiments/task-failed", `task ${task.id} (${task.kind}) failed ${errors.length} times: ${errors.at(-1)}`);
  }
}

/** Troubles of the machine, not of the task: they end the sweep, and no task is blamed for them. */
const fatal = new Set([
  ...["experiments/version", "experiments/disk-full", "experiments/read-only", "experiments/engine"],
  // Files that are missing here, damaged, or others than before.
  ...["experiments/data", "data/path", "data/download", "data/gzip", "data/magic"],
]);

/** Tries until it works, so many times at most; being stopped is not a failure. */
export async function withTries(
  task: Task,
  signal: AbortSignal,
  once: () => Promise<Json>,
  most: number = tries,
): Promise<Done> {
  const errors: string[] = [];
  while (errors.length < most) {
    signal.throwIfAborted();
    try {
      const started = performance.now();
      const result = await once();
      return { result, seconds: (performance.now() - started) / 1000 };
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof TwotempError && fatal.has(error.code)) throw error;
      errors.push(describe(error));
    }
  }
  throw new TaskFailed(task, errors);
}

/** One line for an error of any kind. */
export function describe(error: unknown): string {
  const text =
    error instanceof TwotempError ? `${error.code}: ${error.message}` : String((error as Error)?.message ?? error);
  return text.replaceAll(/\s+/g, " ").slice(0, 1000);
}
