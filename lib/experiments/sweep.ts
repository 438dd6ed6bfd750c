import { setMaxListeners } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { TwotempError } from "../errors.js";
import type { Progress, WorkOptions } from "../progress.js";
import { makeRecord, type ExperimentStamp } from "./record.js";
import { TaskFailed, type Done, type Runner } from "./runner.js";
import { inputsOf, type RunStore } from "./store.js";
import type { Task } from "./task.js";

/** How far a sweep has come. */
export interface SweepProgress extends Progress {
  /** Tasks under way here. */
  readonly running: number;
  /** Tasks set aside after as many tries as allowed. */
  readonly failed: number;
  /** Tasks that wait for a failed one, and so for nothing. */
  readonly blocked: number;
  /** Tasks done a minute since the sweep began, here or by other processes; undefined until the first. */
  readonly rate: number | undefined;
}

export interface SweepOptions extends Omit<WorkOptions, "onProgress"> {
  readonly runner: Runner;
  readonly onProgress?: (progress: SweepProgress) => void;
  /** Try tasks again that were set aside earlier. */
  readonly retry?: boolean;
}

/** How a sweep ended. */
export interface SweepSummary {
  readonly total: number;
  /** Records there at the end. */
  readonly done: number;
  /** Of these, made by this sweep. */
  readonly added: number;
  readonly failed: number;
  readonly blocked: number;
  /** Whether it was stopped before its end. */
  readonly stopped: boolean;
  readonly seconds: number;
}

/** How often tasks that another process does are looked at. */
const pollMilliseconds = 500;
/** How long a record that a worker says it stored may take to be seen here: network file systems lag. */
const patienceMilliseconds = 30_000;

type State = "waiting" | "ready" | "running" | "done" | "failed" | "blocked";

/**
 * Does every task of a plan that has no record yet, and records the results.
 *
 * Tasks start in the order of the plan, each as soon as the tasks it needs are done. Several processes may sweep one
 * store at once: each task is done by one of them. Stopped, it ends what runs and keeps all records; the next call goes on.
 *
 * @param tasks - the plan; tasks may need earlier ones
 * @param experiment - what the records are stamped with
 * @param store - where records are
 * @param options - runner, progress, signal, retry
 * @returns how many are done, failed (set aside after three tries) or blocked by failed ones
 * @throws what ends a sweep: `experiments/disk-full`, `experiments/read-only`, `experiments/version`
 * @example
 * ```ts
 * const summary = await sweep(plan(experiment), stamp(experiment), store, { runner: poolRunner() });
 * ```
 */
export async function sweep(
  tasks: readonly Task[],
  experiment: ExperimentStamp,
  store: RunStore,
  { runner, onProgress, signal, retry }: SweepOptions,
): Promise<SweepSummary> {
  const started = performance.now();
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const states = new Map<string, State>();
  const dependents = new Map<string, string[]>();
  const missing = new Map<string, number>();
  const ready: string[] = [];
  const counts = { done: 0, running: 0, failed: 0, blocked: 0, added: 0 };
  const elsewhere: string[] = [];

  for (const [id, task] of byId) {
    missing.set(id, task.needs.length);
    states.set(id, "waiting");
    for (const need of task.needs) {
      if (!byId.has(need)) throw new TwotempError("experiments/task", `task ${id} needs ${need}, which isn't planned`);
      dependents.set(need, [...(dependents.get(need) ?? []), id]);
    }
  }

  const makeReady = (id: string): void => {
    states.set(id, "ready");
    ready.push(id);
  };
  const finish = (id: string): void => {
    states.set(id, "done");
    counts.done++;
    for (const dependent of dependents.get(id) ?? []) {
      const left = (missing.get(dependent) as number) - 1;
      missing.set(dependent, left);
      if (left === 0 && states.get(dependent) === "waiting") makeReady(dependent);
    }
  };
  const block = (id: string): void => {
    for (const dependent of dependents.get(id) ?? []) {
      if (states.get(dependent) !== "waiting") continue;
      states.set(dependent, "blocked");
      counts.blocked++;
      block(dependent);
    }
  };
  const setAside = (id: string): void => {
    states.set(id, "failed");
    counts.failed++;
    block(id);
  };
  /** Does tasks again whose records were there and aren't good any more. */
  const reopen = (task: Task): void => {
    let lost = 0;
    for (const need of task.needs) {
      if (store.has(need)) continue;
      lost++;
      if (states.get(need) === "done") {
        counts.done--;
        makeReady(need);
      }
    }
    missing.set(task.id, lost);
    if (lost === 0) makeReady(task.id);
    else states.set(task.id, "waiting");
  };

  const failures = store.failures();
  // Read, not only looked up: what was edited since, with its time put back, is found.
  const recorded = [...byId.values()].filter(({ id }) => store.get(id) !== undefined);
  for (const { id } of recorded) states.set(id, "done");
  for (const id of byId.keys()) {
    if (states.get(id) !== "waiting" || !failures.has(id)) continue;
    if (retry) store.removeFailure(id);
    else setAside(id);
  }
  for (const { id } of recorded) finish(id);
  for (const id of byId.keys()) if (states.get(id) === "waiting" && missing.get(id) === 0) makeReady(id);

  const before = counts.done;
  const report = (ended = false): void => {
    if (!onProgress) return;
    const elapsedSeconds = (performance.now() - started) / 1000;
    const rate = counts.done > before ? (counts.done - before) / (elapsedSeconds / 60) : undefined;
    const left = byId.size - counts.done - counts.failed - counts.blocked;
    const parts = [
      `${counts.running} running`,
      ...(counts.failed ? [`${counts.failed} failed`] : []),
      ...(counts.blocked ? [`${counts.blocked} blocked`] : []),
      ...(rate ? [`${Number(rate.toPrecision(2))} a minute`] : []),
    ];
    onProgress({
      label: `${experiment.name} (${parts.join(", ")})`,
      done: counts.done,
      total: byId.size,
      elapsedSeconds,
      remainingSeconds: rate && (left / rate) * 60,
      running: counts.running,
      failed: counts.failed,
      blocked: counts.blocked,
      rate,
      ended,
    });
  };

  // A trouble of the machine ends all that runs, and then the sweep.
  const stop = new AbortController();
  const combined = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  // Each task under way listens.
  setMaxListeners(0, combined);
  let trouble: { error: unknown } | undefined;
  const running = new Set<Promise<void>>();
  let wake = (): void => {};
  combined.addEventListener("abort", () => wake());
  /** Waits until a task ends, the sweep is stopped, or it is time to look at what other processes do. */
  const change = (): Promise<void> =>
    new Promise((resolve) => {
      const timer = elsewhere.length > 0 ? setTimeout(resolve, pollMilliseconds) : undefined;
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
      if (combined.aborted) wake();
    });

  const log = (task: Task, seconds: number, outcome: "done" | "failed"): void =>
    store.log({ task: task.id, kind: task.kind, ended: new Date().toISOString(), seconds, outcome });

  const work = async (task: Task): Promise<void> => {
    const begun = performance.now();
    try {
      const inputs = inputsOf(store, task);
      if (!inputs) return reopen(task);
      const done = await runner.run({ task, inputs, experiment, scratch: store.scratch(task.id) }, combined);
      await keep(task, done);
      // Not waited for: a queue that is away would hold the sweep.
      void done.discard?.().catch(() => undefined);
      finish(task.id);
      counts.added++;
      log(task, done.seconds, "done");
    } catch (error) {
      if (combined.aborted) return;
      if (!(error instanceof TaskFailed)) throw error;
      store.putFailure({ task, errors: error.errors });
      setAside(task.id);
      log(task, (performance.now() - begun) / 1000, "failed");
    } finally {
      store.unlock(task.id);
    }
  };
  const keep = async (task: Task, { result }: Done): Promise<void> => {
    if (result !== undefined) return store.put(makeRecord(experiment, task, result));
    for (let waited = 0; !store.has(task.id); waited += pollMilliseconds) {
      if (waited >= patienceMilliseconds) {
        throw new TaskFailed(task, [
          `a worker stored the record, but it isn't in ${store.folder}: is that one shared folder?`,
        ]);
      }
      await delay(pollMilliseconds, undefined, { signal: combined });
    }
    store.discardScratch(task.id);
  };
  const start = (task: Task): void => {
    states.set(task.id, "running");
    counts.running++;
    const promise = work(task)
      .catch((error: unknown) => {
        trouble ??= { error };
        stop.abort();
      })
      .finally(() => {
        counts.running--;
        running.delete(promise);
        wake();
      });
    running.add(promise);
  };
  /** Starts a task unless another process has it or did it. */
  const offer = (id: string): void => {
    const task = byId.get(id) as Task;
    if (store.has(id)) return finish(id);
    if (!store.lock(id)) return void elsewhere.push(id);
    // Another process may have finished it between the two looks.
    if (!store.has(id)) return start(task);
    store.unlock(id);
    finish(id);
  };

  report();
  let next = 0;
  let polled = performance.now();
  try {
    while (!combined.aborted) {
      while (running.size < runner.slots && next < ready.length) offer(ready[next++]);
      if (running.size === 0 && elsewhere.length === 0) {
        if (next < ready.length) continue;
        break;
      }
      report();
      await change();
      if (performance.now() - polled > pollMilliseconds) {
        polled = performance.now();
        for (const id of elsewhere.splice(0)) {
          // What others left undone waits until nothing else is to do: asking for a lock takes long.
          const free = next === ready.length && running.size < runner.slots;
          if (free || store.has(id)) offer(id);
          else elsewhere.push(id);
        }
      }
    }
  } catch (error) {
    trouble ??= { error };
    stop.abort();
  }
  await Promise.all(running);
  report(true);
  if (trouble) throw trouble.error;
  const { done, added, failed, blocked } = counts;
  const seconds = (performance.now() - started) / 1000;
  return { total: byId.size, done, added, failed, blocked, stopped: signal?.aborted ?? false, seconds };
}
