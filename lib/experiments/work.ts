import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Job } from "bullmq";
import { allVersions } from "./kinds.js";
import { poolRunner, type PoolOptions } from "./pool.js";
import {
  connection,
  hidePassword,
  openQueue,
  orderSchema,
  queueName,
  type QueueAddress,
  type QueueAnswer,
  versionsKey,
} from "./queue.js";
import { makeRecord } from "./record.js";
import { describe, TaskFailed, tries } from "./runner.js";
import { RunStore } from "./store.js";
import { checkTask, firstIssue } from "./task.js";

export interface WorkerOptions extends QueueAddress, PoolOptions {
  /** The experiment's store if this machine shares the folder: records and checkpoints go there, not through the queue. */
  readonly store?: string;
  /** Seconds without a sign of life after which another worker takes a task over. Default 30. */
  readonly stallSeconds?: number;
  /** Seconds without a task after which the work ends. Default: never. */
  readonly idleSeconds?: number;
  /** Told in one line what happens. */
  readonly onNotice?: (line: string) => void;
  /** Ends the work: tasks under way go back to the queue. */
  readonly signal?: AbortSignal;
}

/** How often a worker looks for tasks of other versions. */
const lookSeconds = 30;

/**
 * Does tasks from a queue until it is stopped.
 *
 * Each task runs in a process of its own pool, so this one stays free to tell Redis that the worker lives. A worker
 * does nothing but tasks of the kinds it knows, of its own version of the code, whose settings validate and whose
 * identity is that of their content: anything else is refused at once. No code comes from the queue.
 *
 * @throws TwotempError `experiments/queue` if no Redis answers; `experiments/disk-full` and `experiments/read-only` of the store
 * @example
 * ```ts
 * await work({ url: "redis://localhost:6379", workers: 4, signal });
 * ```
 */
export async function work(options: WorkerOptions): Promise<void> {
  const { signal, onNotice = () => undefined, stallSeconds = 30 } = options;
  const { UnrecoverableError, WaitingError, Worker } = await import("bullmq");
  const versions = allVersions();
  const name = queueName(options, versions);
  // All before anything starts, so that a number, a folder or an address that is wrong ends in one line.
  const pool = poolRunner({ ...options, tries: 1 });
  const store = options.store === undefined ? undefined : new RunStore(options.store);
  const scratch = store ? undefined : mkdtempSync(join(tmpdir(), "twotemp-work-"));
  const tidy = (): void => {
    store?.close();
    if (scratch) rmSync(scratch, { recursive: true, force: true });
  };
  const queue = await openQueue(options, name).catch((error: unknown) => {
    tidy();
    throw error;
  });
  const stop = new AbortController();
  let trouble: unknown;
  let underWay = 0;
  let lastTask = performance.now();

  const attend = async (job: Job, token: string | undefined): Promise<QueueAnswer> => {
    underWay++;
    try {
      return await execute(job, token);
    } finally {
      underWay--;
      lastTask = performance.now();
    }
  };
  const execute = async (job: Job, token: string | undefined): Promise<QueueAnswer> => {
    const parsed = orderSchema.safeParse(job.data);
    if (!parsed.success) throw new UnrecoverableError(`refused: not an order: ${firstIssue(parsed.error)}`);
    const order = parsed.data;
    try {
      checkTask(order.task);
      if (job.id !== order.task.id) throw new Error(`job ${job.id} holds task ${order.task.id}`);
    } catch (error) {
      throw new UnrecoverableError(`refused: ${describe(error)}`);
    }
    const { task } = order;
    const folder = store?.scratch(task.id) ?? join(scratch as string, task.id);
    try {
      const { result, seconds } = await pool.run({ ...order, scratch: folder }, stop.signal);
      if (result === undefined) throw new Error("a pool returns results");
      if (store) store.put(makeRecord(order.experiment, task, result));
      else rmSync(folder, { recursive: true, force: true });
      onNotice(`${task.kind} ${task.id.slice(0, 8)} done in ${seconds.toFixed(1)} s`);
      return store ? { seconds, stored: true } : { seconds, stored: false, result };
    } catch (error) {
      if (error instanceof TaskFailed) {
        onNotice(`${task.kind} ${task.id.slice(0, 8)} failed: ${error.errors[0]}`);
        throw new Error(error.errors[0], { cause: error });
      }
      // Not the task's fault: another worker shall have it, and the try doesn't count.
      if (!stop.signal.aborted) {
        trouble ??= error;
        stop.abort();
      }
      await job.moveToWait(token);
      throw new WaitingError();
    }
  };

  const worker = new Worker(name, attend, {
    connection: connection(options.url),
    prefix: "twotemp",
    concurrency: pool.slots,
    lockDuration: 1000 * stallSeconds,
    stalledInterval: 1000 * stallSeconds,
    maxStalledCount: tries - 1,
  });
  let reachable = true;
  worker.on("error", (error) => {
    if (reachable) onNotice(`queue: ${describe(error)}; waiting for it`);
    reachable = false;
  });
  worker.on("ready", () => {
    if (!reachable) onNotice("queue: there again");
    reachable = true;
  });
  worker.on("stalled", (id) => onNotice(`${id.slice(0, 8)} was left by another worker: taken over`));

  const look = async (): Promise<void> => {
    const client = await queue.client;
    for (const [other, versionsOfOther] of Object.entries(await client.hgetall(versionsKey(options)))) {
      if (other === name) continue;
      const waiting = await client.llen(`twotemp:${other}:wait`);
      if (waiting > 0) {
        onNotice(
          `refused: ${waiting} tasks wait for another version of the code (${versionsOfOther}); this worker has ${versions}`,
        );
      }
    }
  };
  const lookQuietly = (): void => {
    look().catch((error: unknown) => onNotice(`queue: ${describe(error)}`));
  };
  const looking = setInterval(lookQuietly, 1000 * lookSeconds);
  lookQuietly();
  const resting = setInterval(() => {
    const idle = (performance.now() - lastTask) / 1000;
    if (underWay > 0 || idle < (options.idleSeconds ?? Infinity)) return;
    onNotice(`no task for ${options.idleSeconds} s: done`);
    stop.abort();
  }, 500);
  onNotice(`working on ${hidePassword(options.url)} ${name} with ${pool.slots} processes`);

  if (signal?.aborted) stop.abort();
  signal?.addEventListener("abort", () => stop.abort());
  await new Promise<void>((resolve) => {
    if (stop.signal.aborted) resolve();
    stop.signal.addEventListener("abort", () => resolve());
  });
  clearInterval(looking);
  clearInterval(resting);
  await pool.close();
  const patience = new Promise<void>((resolve) => setTimeout(resolve, 1000).unref());
  await Promise.race([worker.close().catch(() => undefined), patience]);
  await Promise.race([queue.close().catch(() => undefined), patience]);
  worker.disconnect().catch(() => undefined);
  queue.disconnect().catch(() => undefined);
  tidy();
  if (trouble) throw trouble as Error;
}
