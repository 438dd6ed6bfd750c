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
      `not the address of a Redis: ${hidePassword(url)}; expected redis://host:port or rediss://host:port, a % or / in a password written %25 or %2F`,
    );
  let parsed: URL;
  let username: string;
  let password: string;
  try {
    parsed = new URL(url);
    [username, password] = [parsed.username, parsed.password].map(decodeURIComponent);
  } catch {
    throw invalid();
  }
  const db = Number(parsed.pathname.slice(1) || 0);
  if (!["redis:", "rediss:"].includes(parsed.protocol) || !parsed.hostname || !Number.isInteger(db)) throw invalid();
  return {
    // An IPv6 address stands in brackets only within a URL.
    host: parsed.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(parsed.port || 6379),
    ...(username && { username }),
    ...(password && { password }),
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
  /** Looks at its job that were asked for and aren't done. */
  looks: number;
}

/**
 * Has tasks done by the workers of a queue, on any machines: `twotemp work --queue redis://...`.
 *
 * A task stays in the queue under its identity until its record is safe here: one that is asked for twice is in it
 * once, one that Redis lost is put in again, and one whose worker died is taken over by another. Workers of another
 * version of the code have another queue.
 *
 * @throws TwotempError `experiments/queue` if the address isn't one, no Redis answers there within 10 s, or it refuses the queue
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
  try {
    const client = await queue.client;
    await client.hset(versionsKey(options), { [name]: versions });
  } catch (error) {
    // An open connection would keep the process from ending.
    queue.disconnect().catch(() => undefined);
    throw new TwotempError(
      "experiments/queue",
      `the Redis at ${hidePassword(options.url)} doesn't take ${versionsKey(options)}: ${describe(error)}; use another name or Redis`,
      { cause: error },
    );
  }
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
  const look = async (waiting: Outstanding): Promise<void> => {
    const { order } = waiting;
    const { id } = order.task;
    const gone = (): boolean => outstanding.get(id) !== waiting;
    const job = (await queue.getJob(id)) as Job | undefined;
    if (gone()) return;
    if (!job) {
      await put(order);
      if (gone()) await discard(id);
      return;
    }
    if (!job.finishedOn) return;
    const failed = await job.isFailed();
    if (gone()) return;
    if (failed) {
      // Taken first, lest somebody misses the job and puts it back.
      take(id);
      await discard(id);
      return waiting.reject(new TaskFailed(order.task, errorsOf(job)));
    }
    const answer = answerSchema.safeParse(job.returnvalue).data;
    if (!answer || (answer.result === undefined) !== answer.stored) {
      // Nothing that a worker of ours answers: have it done again.
      await discard(id);
      if (!gone()) waiting.looks++;
      return;
    }
    take(id)?.resolve({ result: answer.result, seconds: answer.seconds, discard: () => discard(id) });
  };
  /** Looks at a job as soon as no other look at it is under way. */
  const check = async (id: string): Promise<void> => {
    const waiting = outstanding.get(id);
    if (!waiting || waiting.looks++ > 0) return;
    try {
      do {
        waiting.looks = 1;
        await look(waiting);
      } while (waiting.looks > 1 && outstanding.get(id) === waiting);
    } catch (error) {
      take(id)?.reject(error);
    }
    waiting.looks = 0;
  };
  events.on("completed", ({ jobId }) => void check(jobId));
  events.on("failed", ({ jobId }) => void check(jobId));
  const checkAll = setInterval(
    () => {
      for (const id of outstanding.keys()) void check(id);
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
          // What no worker has begun needn't be begun.
          if (take(id)) void discard(id);
          reject(signal.reason as Error);
        };
        signal.addEventListener("abort", abort);
        const settled =
          <T>(settle: (value: T) => void) =>
          (value: T): void => {
            signal.removeEventListener("abort", abort);
            settle(value);
          };
        outstanding.set(id, { order, resolve: settled(resolve), reject: settled(reject), looks: 0 });
        // Puts it in, unless an earlier call did.
        void check(id);
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
