import { interruptible } from "../interrupt.js";
import type { WorkOptions } from "../progress.js";
import { type Experiment, planExperiment, stampOf, storeFolder } from "./experiment.js";
import { poolRunner } from "./pool.js";
import type { Runner } from "./runner.js";
import { RunStore } from "./store.js";
import { sweep, type SweepProgress, type SweepSummary } from "./sweep.js";

export interface RunOptions extends Omit<WorkOptions, "onProgress"> {
  /** Folder of the records. Default `runs/NAME` of the project. */
  readonly store?: string;
  /** Where tasks are done. Default: a pool of processes on this machine. Closed at the end. */
  readonly runner?: Runner;
  readonly onProgress?: (progress: SweepProgress) => void;
  /** Try tasks again that were set aside. */
  readonly retry?: boolean;
}

/**
 * Runs an experiment: every task that has no record yet. Stopped or killed, the next call goes on where this one was.
 *
 * @param experiment - from {@link readExperiment}
 * @returns how it ended
 * @throws TwotempError as {@link sweep}
 * @example
 * ```ts
 * await tt.ready();
 * await tt.runExperiment(tt.readExperiment("testbed"), { onProgress: tt.progressBar() });
 * ```
 */
export async function runExperiment(experiment: Experiment, options: RunOptions = {}): Promise<SweepSummary> {
  const { onProgress, signal, retry } = options;
  const runner = options.runner ?? poolRunner();
  let store: RunStore | undefined;
  try {
    const tasks = planExperiment(experiment).map(({ task }) => task);
    const records = (store = new RunStore(options.store ?? storeFolder(experiment)));
    return await interruptible(signal, (stop) =>
      sweep(tasks, stampOf(experiment), records, { runner, onProgress, signal: stop, retry }),
    );
  } finally {
    await runner.close();
    store?.close();
  }
}

/** What is there of an experiment. */
export interface ExperimentStatus {
  readonly total: number;
  readonly done: number;
  readonly failed: number;
  readonly left: number;
  /** By kind of task: how many there are, how many are done, and the mean seconds that one took. */
  readonly kinds: readonly { kind: string; total: number; done: number; failed: number; seconds: number | undefined }[];
  /** Each task that was set aside with its last error. */
  readonly failures: readonly { id: string; kind: string; error: string }[];
  /** Records in the store that this plan doesn't ask for: of other code, another engine, or an earlier experiment file. */
  readonly others: number;
  /** Records of this plan that were made under another version of the experiment file. */
  readonly otherRegistration: number;
  /** Records found torn or edited: they count as missing. */
  readonly untrusted: number;
}

/**
 * What is done of an experiment, what failed, and what it took; changes nothing.
 *
 * @example
 * ```ts
 * experimentStatus(readExperiment("testbed")).done;
 * ```
 */
export function experimentStatus(experiment: Experiment, folder: string = storeFolder(experiment)): ExperimentStatus {
  const plan = planExperiment(experiment);
  const store = new RunStore(folder, { readOnly: true });
  const setAside = store.failures();
  const seconds = new Map<string, { sum: number; count: number }>();
  for (const entry of store.journal()) {
    if (entry.outcome !== "done") continue;
    const { sum, count } = seconds.get(entry.kind) ?? { sum: 0, count: 0 };
    seconds.set(entry.kind, { sum: sum + entry.seconds, count: count + 1 });
  }
  const kinds = new Map<
    string,
    { kind: string; total: number; done: number; failed: number; seconds: number | undefined }
  >();
  const failures: { id: string; kind: string; error: string }[] = [];
  let done = 0;
  let otherRegistration = 0;
  for (const { task } of plan) {
    const took = seconds.get(task.kind);
    const row = kinds.get(task.kind) ?? {
      kind: task.kind,
      total: 0,
      done: 0,
      failed: 0,
      seconds: took && took.sum / took.count,
    };
    kinds.set(task.kind, row);
    row.total++;
    const record = store.get(task.id);
    const failure = setAside.get(task.id);
    if (record) {
      done++;
      row.done++;
      if (record.experiment.hash !== experiment.hash) otherRegistration++;
    } else if (failure) {
      row.failed++;
      failures.push({ id: task.id, kind: task.kind, error: failure.errors.at(-1) ?? "" });
    }
  }
  const left = plan.length - done - failures.length;
  const others = store.size - done;
  const untrusted = store.setAside.length;
  return {
    total: plan.length,
    done,
    failed: failures.length,
    left,
    kinds: [...kinds.values()],
    failures,
    others,
    otherRegistration,
    untrusted,
  };
}
