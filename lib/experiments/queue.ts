import type { Job, Queue } from "bullmq";
import { z } from "zod";
import { TwotempError } from "../errors.js";
import { sha256, type Json } from "./canonical.js";
import { allVersions } from "./kinds.js";
import { stampSchema } from "./record.js";
import { describe, type Done, type Order, type Runner, TaskFailed, tries } from "./runner.js";
import { taskSchema } from "./task.js";

/** Where a queue is. */
export interface QueueAddress {
  /** `redis://[[user]:password@]host[:port][/database]`, or `rediss://` for TLS. */
  readonly url: string;
  /** The queue's name, for several on one Redis. Default "twotemp". */
  readonly name?: string;
}

export interface QueueOptions extends QueueAddress {
  /** Tasks in the queue at once; more than there are workers. Default 1000. */
  readonly slots?: number;
  /** Seconds between two looks at everything that is out, should the queue lose a message. Default 10. */
  readonly checkSeconds?: number;
}

/** What travels through the queue. */
export const orderSchema: z.ZodType<Omit<Order, "scratch">> = z.strictObject({
  task: taskSchema,
  inputs: z.array(z.custom<Json>((input) => input !== undefined, "expected a result")).max(10_000),
  experiment: stampSchema,
});

/** What a worker answers through the queue. */
export interface QueueAnswer {
  readonly seconds: number;
  readonly result?: Json;
  /** The worker put the record into the store. */
  readonly stored: boolean;
}

const answerSchema: z.ZodType<QueueAnswer> = z.strictObject({
  seconds: z.number().nonnegative(),
  result: z.custom<Json>().optional(),
  stored: z.boolean(),
});

const prefix = "twotemp";
const connectSeconds = 10;
/** How long results and failures that nobody fetched stay in Redis, in seconds. */
const keepSeconds = 7 * 24 * 3600;

/** Connection options of a Redis address. */
export function connection(url: string): {
  host: string;
  port: number;
  username?: string;
  password?: string;
  db: number;
  tls?: object;
  maxRetriesPerRequest: null;
} {
  const invalid = (): TwotempError =>
    new TwotempError(
      "experiments/queue",
      `not the address of a Redis: ${hidePassword(url)}; expected redis://host:port or rediss://host:port, a / in a password written %2F`,
    );
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw invalid();
  }
  const db = Number(parsed.pathname.slice(1) || 0);
  if (!["redis:", "rediss:"].includes(parsed.protocol) || !parsed.hostname || !Number.isInteger(db)) throw invalid();
  return {
    host: parsed.hostname,
    port: Number(parsed.port || 6379),
    ...(parsed.username && { username: decodeURIComponent(parsed.username) }),
    ...(parsed.password && { password: decodeURIComponent(parsed.password) }),
    db,
    // Certificates are checked; a private authority's goes into NODE_EXTRA_CA_CERTS.
    ...(parsed.protocol === "rediss:" && { tls: {} }),
    // Wait for Redis to come back, however long.
    maxRetriesPerRequest: null,
  };
}

/** An address that can be shown. */
export function hidePassword(url: string): string {
  return url.replace(/\/\/.*@/, "//…@");
}

/** The name of the queue of one version of the code: workers of another version never see its tasks. */
export function queueName(address: QueueAddress, versions: string = allVersions()): string {
  return `${address.name ?? "twotemp"}-${sha256(versions).slice(0, 12)}`;
}

/** Where coordinators announce which versions they ask for: version of the queue to what it consists of. */
export function versionsKey(address: QueueAddress): string {
  return `${prefix}:${address.name ?? "twotemp"}:versions`;
}

/**
 * Opens a queue, or says why not. Later outages are waited out.
 *
 * @internal
 */
export async function openQueue(address: QueueAddress, name: string): Promise<Queue> {
  const { Queue } = await import("bullmq");
  let givenUp = false;
  // Without this a queue that was never reached would try for ever.
  const retryStrategy = (times: number): number | null => (givenUp ? null : Math.min(250 * times, 5000));
  const queue = new Queue(name, { connection: { ...connection(address.url), retryStrategy }, prefix });
  let lastError: Error | undefined;
  let timer: NodeJS.Timeout | undefined;
  const unreachable = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(lastError ?? new Error("no answer")), connectSeconds * 1000);
    queue.on("error", (error) => {
      lastError = error;
      // No patience makes a wrong password right.
      if (/WRONGPASS|NOAUTH|NOPERM/.test(error.message)) reject(error);
    });
  });
  try {
    // A missing password shows at the first command only.
    await Promise.race([queue.waitUntilReady().then(() => queue.getWaitingCount()), unreachable]);
  } catch (error) {
    givenUp = true;
    queue.disconnect().catch(() => undefined);
    const reason = describe(error) || (error as NodeJS.ErrnoException).code;
    throw new TwotempError("experiments/queue", `no Redis at ${hidePassword(address.url)}: ${reason}`, {
      cause: error,
    });
  } finally {
    clearTimeout(timer);
  }
  return queue;
}

/** An order that is out. */
interface Outstanding {
  readonly order: Order;
  readonly resolve: (done: Done) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Has tasks done by the workers of a queue, on any machines: `twotemp work --queue redis://...`.
 *
 * A task stays in the queue under its identity until its record is safe here: one that is asked for twice is in it
 * once, one that Redis lost is put in again, and one whose worker died is taken over by another. Workers of another
 * version of the code have another queue.
 *
 * @throws TwotempError `experiments/queue` if the address isn't one or no Redis answers there within 10 s
 * @example
 * ```ts
 * const runner = await queueRunner({ url: "redis://localhost:6379" });
 * ```
 */
export async function queueRunner(options: QueueOptions): Promise<Runner> {
  const { QueueEvents } = await import("bullmq");
  const versions = allVersions();
  const name = queueName(options, versions);
  const queue = await openQueue(options, name);
  const client = await queue.client;
  await client.hset(versionsKey(options), { [name]: versions });
  const events = new QueueEvents(name, { connection: connection(options.url), prefix });
  events.on("error", () => {
    // It reconnects by itself.
  });
  const outstanding = new Map<string, Outstanding>();

  const put = async ({ task, inputs, experiment }: Order): Promise<void> => {
    await queue.add(
      "task",
      { task, inputs, experiment },
      {
        jobId: task.id,
        attempts: tries,
        removeOnComplete: { age: keepSeconds },
        removeOnFail: { age: keepSeconds },
      },
    );
  };
  const take = (id: string): Outstanding | undefined => {
    const found = outstanding.get(id);
    outstanding.delete(id);
    return found;
  };
  const discard = async (id: string): Promise<void> => {
    await queue.remove(id).catch(() => undefined);
  };

  /** Looks at a job and passes on what became of it. */
  const check = async (id: string): Promise<void> => {
    const waiting = outstanding.get(id);
    if (!waiting) return;
    const job = (await queue.getJob(id)) as Job | undefined;
    if (!outstanding.has(id)) return;
    if (!job) return put(waiting.order);
    if (!job.finishedOn) return;
    if (await job.isFailed()) {
      await discard(id);
      take(id)?.reject(new TaskFailed(waiting.order.task, errorsOf(job)));
      return;
    }
    const answer = answerSchema.safeParse(job.returnvalue).data;
    if (!answer || (answer.result === undefined) !== answer.stored) {
      // Nothing that a worker of ours answers: have it done again.
      await discard(id);
      return put(waiting.order);
    }
    take(id)?.resolve({ result: answer.result, seconds: answer.seconds, discard: () => discard(id) });
  };
  const checkOne = (id: string): void => {
    check(id).catch((error: unknown) => take(id)?.reject(error));
  };
  events.on("completed", ({ jobId }) => checkOne(jobId));
  events.on("failed", ({ jobId }) => checkOne(jobId));
  const checkAll = setInterval(
    () => {
      for (const id of outstanding.keys()) checkOne(id);
    },
    1000 * (options.checkSeconds ?? 10),
  );

  return {
    slots: options.slots ?? 1000,
    run: (order, signal) =>
      new Promise<Done>((resolve, reject) => {
        const { id } = order.task;
        if (signal.aborted) return reject(signal.reason as Error);
        const abort = (): void => {
          if (!take(id)) return;
          // What no worker has begun needn't be begun.
          void discard(id);
          reject(signal.reason as Error);
        };
        signal.addEventListener("abort", abort);
        const settled =
          <T>(settle: (value: T) => void) =>
          (value: T): void => {
            signal.removeEventListener("abort", abort);
            settle(value);
          };
        outstanding.set(id, { order, resolve: settled(resolve), reject: settled(reject) });
        // One that an earlier call asked for may be done already.
        put(order).then(
          () => checkOne(id),
          (error: unknown) => take(id)?.reject(error),
        );
      }),
    close: async () => {
      clearInterval(checkAll);
      const closing = Promise.all([events.close(), queue.close()]);
      const patience = new Promise<void>((resolve) => setTimeout(resolve, 1000).unref());
      await Promise.race([closing.catch(() => undefined), patience]);
      events.disconnect().catch(() => undefined);
      queue.disconnect().catch(() => undefined);
    },
  };
}

/** What each try of a failed job ended with. */
function errorsOf(job: Job): string[] {
  const lines = (job.stacktrace ?? []).map((stack) => stack.split("\n")[0].replace(/^(\w*Error): /, ""));
  return lines.length > 0 ? lines : [job.failedReason ?? "it failed without an error"];
}
