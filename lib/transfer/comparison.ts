import { mean } from "simple-statistics";
import type { Candidate } from "../baselines/index.js";
import type { Dataset } from "../data/index.js";
import { ProgressMeter, type WorkOptions } from "../progress.js";
import type { SearchSpace } from "../space/index.js";
import { inSpace, withClasses } from "./head.js";
import type { TransferRecord, TuningRecord } from "./result.js";
import { retrain, type RetrainingJob } from "./retrain.js";
import { judgeByRidge } from "./ridgeHead.js";
import { type FewShotTask, type Labelled, targetTasks, testQueries, tuningTasks } from "./task.js";

/** An arm with what it trains. */
export interface Arm {
  readonly name: string;
  readonly label: string;
  readonly candidates: readonly Candidate[];
}

/** How the arms of a comparison are trained and judged; see the options of `transfer`. */
export interface ComparisonSettings extends WorkOptions {
  readonly gates: string;
  readonly source: string;
  readonly target: Dataset;
  readonly heldOut: Dataset;
  readonly shots: readonly number[];
  readonly head: "train" | "ridge";
  /** Learning rates, or penalties of a ridge head. */
  readonly tries: readonly number[];
  readonly steps: number;
  readonly retrainings: number;
  readonly draws: number;
  readonly testExamples: number | undefined;
  readonly tuningTasks: number;
  readonly tuningArchitectures: number;
  readonly seed: number;
}

/** Moves candidates to models with a head for so many classes, one model a space. */
function adapter(classes: number): (candidate: Candidate) => Candidate {
  const adapted = new Map<SearchSpace, SearchSpace>();
  return (candidate) => {
    const { space } = candidate.architecture;
    if (!adapted.has(space)) adapted.set(space, withClasses(space, classes));
    return { ...candidate, architecture: inSpace(candidate.architecture, adapted.get(space)!) };
  };
}

/** Arms under the same shots, draws and trials. All arms are trained together, so that models of equal shape train as one. */
export class Comparison {
  readonly records: TransferRecord[] = [];
  readonly tuning: TuningRecord[] = [];
  private readonly meter: ProgressMeter;
  private readonly forTuning: (candidate: Candidate) => Candidate;
  private readonly forTarget: (candidate: Candidate) => Candidate;
  private readonly ways: number;
  private done = 0;

  constructor(
    private readonly arms: readonly Arm[],
    private readonly settings: ComparisonSettings,
  ) {
    const { target, heldOut, shots, tries, retrainings, onProgress } = settings;
    this.ways = Math.min(target.classCount, heldOut.classCount);
    this.forTuning = adapter(this.ways);
    this.forTarget = adapter(target.classCount);
    const tuned = this.tuned().flat().length * settings.tuningTasks * tries.length;
    const compared = arms.flatMap(({ candidates }) => candidates).length * retrainings;
    this.meter = new ProgressMeter(`transfer to ${target.name}`, shots.length * (tuned + compared), onProgress);
  }

  /** Every number of shots: first what each arm is best tuned to, then its retrainings. */
  async run(): Promise<void> {
    const { shots: several, target, testExamples } = this.settings;
    let queries: Labelled | undefined;
    for (const shots of several) {
      const best = await this.tune(shots);
      queries ??= testQueries(target, testExamples);
      await this.compare(shots, best, queries);
    }
  }

  /** Of each arm the candidates that are tried. */
  private tuned(): Candidate[][] {
    return this.arms.map(({ candidates }) => candidates.slice(0, this.settings.tuningArchitectures));
  }

  /** The best try of each arm on few-shot tasks of the held-out source. */
  private async tune(shots: number): Promise<number[]> {
    const { heldOut, seed, tries, tuningTasks: count } = this.settings;
    const tasks = tuningTasks(heldOut, { shots, ways: this.ways, seed, tasks: count });
    const jobs = this.tuned().map((candidates) =>
      jobsOf(candidates.map(this.forTuning), tasks, [seed, "tuning", shots]),
    );
    const accuracies = tries.map(() => new Map<RetrainingJob, number>());
    await this.judge(jobs.flat(), tries, (tried, job, accuracy) => accuracies[tried].set(job, accuracy));
    return this.arms.map(({ name }, a) => {
      const scores = accuracies.map((known) => mean(jobs[a].map((job) => known.get(job)!)));
      tries.forEach((tried, i) => this.tuning.push({ arm: name, shots, tuned: tried, accuracy: scores[i] }));
      return tries[scores.indexOf(Math.max(...scores))];
    });
  }

  /** Retrains and records every arm; stopped, records the arms that are complete. */
  private async compare(shots: number, best: readonly number[], queries: Labelled): Promise<void> {
    const { target, seed, tries, retrainings, draws } = this.settings;
    const tasks = targetTasks(target, shots, seed, retrainings / draws, queries);
    const jobs = this.arms.map(({ candidates }) =>
      jobsOf(candidates.map(this.forTarget), tasks, [seed, "retraining", shots], draws),
    );
    const accuracies = new Map<RetrainingJob, number>();
    try {
      for (const tried of tries) {
        const together = jobs.filter((_, a) => best[a] === tried).flat();
        await this.judge(together, [tried], (_, job, accuracy) => accuracies.set(job, accuracy));
      }
    } finally {
      this.arms.forEach(({ name }, a) => {
        if (jobs[a].every((job) => accuracies.has(job))) this.record(name, shots, best[a], jobs[a], accuracies);
      });
    }
  }

  private record(
    arm: string,
    shots: number,
    tuned: number,
    jobs: readonly RetrainingJob[],
    accuracies: ReadonlyMap<RetrainingJob, number>,
  ): void {
    const { source, target, gates, retrainings, draws } = this.settings;
    const { density } = this.arms[0].candidates[0].architecture;
    for (const [j, job] of jobs.entries()) {
      const { architecture } = job;
      this.records.push({
        source,
        target: target.name,
        gates,
        density,
        shots,
        arm,
        search: Math.floor(j / retrainings),
        retraining: j % retrainings,
        episode: Math.floor((j % retrainings) / draws),
        draw: draws === 1 ? j % retrainings : j % draws,
        tuned,
        accuracy: accuracies.get(job)!,
        kept: architecture.mask.reduce((sum, gate) => sum + gate, 0),
        parameters: architecture.counts.parameters,
        architecture: architecture.hash,
      });
    }
  }

  /** Judges jobs of any spaces under some tries; `judged` gets each accuracy, with the place of its try, as it is known. */
  private async judge(
    jobs: readonly RetrainingJob[],
    tries: readonly number[],
    judged: (tried: number, job: RetrainingJob, accuracy: number) => void,
  ): Promise<void> {
    const { head, steps, signal } = this.settings;
    const known = (tried: number, job: RetrainingJob, accuracy: number): void => {
      judged(tried, job, accuracy);
      this.meter.report(++this.done);
    };
    if (head === "ridge") {
      await judgeByRidge(jobs, tries, {
        signal,
        onResult: (j, accuracies) => accuracies.forEach((accuracy, tried) => known(tried, jobs[j], accuracy)),
      });
      return;
    }
    const bySpace = new Map<SearchSpace, RetrainingJob[]>();
    for (const job of jobs) {
      const { space } = job.architecture;
      bySpace.set(space, [...(bySpace.get(space) ?? []), job]);
    }
    for (const [tried, learningRate] of tries.entries()) {
      for (const [space, part] of bySpace) {
        const onResult = (j: number, accuracy: number): void => known(tried, part[j], accuracy);
        await retrain(space, part, { learningRate, steps, signal, onResult });
      }
    }
  }
}

/** Every candidate on every task: each with a draw of its own or, of several draws, with every one. Candidates share them. */
function jobsOf(
  candidates: readonly Candidate[],
  tasks: readonly FewShotTask[],
  address: readonly (string | number)[],
  draws: number = 1,
): RetrainingJob[] {
  return candidates.flatMap((candidate) =>
    tasks.flatMap((task, t) =>
      Array.from({ length: draws }, (_, d) => ({ ...candidate, task, draw: [...address, draws === 1 ? t : d] })),
    ),
  );
}
