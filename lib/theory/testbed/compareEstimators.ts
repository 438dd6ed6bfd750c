import { setImmediate } from "node:timers/promises";
import { median } from "simple-statistics";
import { Random } from "../../engine/index.js";
import { interruptible } from "../../interrupt.js";
import { ProgressMeter, type WorkOptions } from "../../progress.js";
import { type EstimatorName, estimators, type UpdateName } from "../../relaxation/index.js";
import { logisticNoise } from "../../relaxation/noise.js";
import { average } from "../../statistics/index.js";
import { enumerate, type Optimum } from "./enumerate.js";
import { subsetProblem, type SubsetProblem } from "./problem.js";
import { runTestbed, testbedBox } from "./run.js";

/** A mean, or a rate, with its 95 % interval. */
export interface Scored {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** How one estimator does on the testbed. */
export interface EstimatorScore {
  readonly estimator: EstimatorName;
  readonly update: UpdateName;
  /** Chosen among the trials, on problems of their own. */
  readonly stepSize: number;
  readonly seeds: number;
  /** How often the final architecture is the best of all (Wilson's interval). */
  readonly hitRate: Scored;
  /** Loss of the final architecture above the best. */
  readonly gap: Scored;
  /** At the start: the trace of the covariance of the logits' gradient over the squared length of its mean. */
  readonly noise: Scored;
  /**
   * Median number of steps after which the best architecture is reached for good, where it is, with the distribution-free
   * interval between two order statistics; undefined if it never is.
   */
  readonly steps: Scored | undefined;
}

export interface CompareOptions extends WorkOptions {
  /** Default: all of them. */
  readonly estimators?: readonly EstimatorName[];
  readonly kind?: "logistic" | "linear";
  /** `"adam"` (default) or `"euler"`: the updates that go with every estimator. */
  readonly update?: "adam" | "euler";
  /** Problems; default 50. */
  readonly seeds?: number;
  /** Points a step; default 32. */
  readonly batch?: number;
  /** Default 300. */
  readonly steps?: number;
  /** Step sizes tried, the same for every estimator; default from 0.001 to 1. */
  readonly stepSizes?: readonly number[];
  /** Problems to choose the step size on; default 20, none of those that are scored. */
  readonly tuningSeeds?: number;
}

/** Seeds of problems to tune on start here, far from those that are scored. */
const firstTuningSeed = 1_000_000;

/** 95 % of a normal distribution lie within so many deviations. */
const z = 1.959964;

/** Draws for the noise of a gradient. */
const noiseDraws = 200;

/**
 * Scores estimators against the enumerated optimum, on the same problems, batches, budgets and trials of the step size.
 *
 * @returns one score an estimator; stopped by `signal`, or by a notebook's Stop button, those of the estimators done
 * @example
 * ```ts
 * (await compareEstimators({ seeds: 50 })).map(({ estimator, hitRate }) => [estimator, hitRate.value]);
 * ```
 * Source: "How tight it is" in this project's method notes (docs/theory.md).
 */
export async function compareEstimators(options: CompareOptions = {}): Promise<EstimatorScore[]> {
  const scores: EstimatorScore[] = [];
  await interruptible(options.signal, async (signal) => {
    try {
      for await (const score of scored(options, signal)) scores.push(score);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  });
  return scores;
}

/** One estimator's score after the other; throws when the signal aborts. */
async function* scored(options: CompareOptions, signal: AbortSignal): AsyncGenerator<EstimatorScore> {
  const names = options.estimators ?? (Object.keys(estimators) as EstimatorName[]);
  const { kind = "logistic", update = "adam", seeds = 50, batch = 32, steps = 300, tuningSeeds = 20 } = options;
  const stepSizes = options.stepSizes ?? [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1];
  const each = tuningSeeds * stepSizes.length + seeds;
  const meter = new ProgressMeter("estimators", names.length * each, options.onProgress);
  let done = 0;
  /** Work on each of some things; a signal and the progress get through in between. */
  const forEach = async <A, B>(things: readonly A[], work: (thing: A) => B): Promise<B[]> => {
    const results: B[] = [];
    for (const thing of things) {
      await setImmediate();
      signal.throwIfAborted();
      results.push(work(thing));
    }
    return results;
  };
  const solved = (first: number, count: number): Promise<Solved[]> =>
    forEach([...Array(count).keys()], (k) => {
      const problem = subsetProblem({ kind, seed: first + k });
      return { seed: first + k, problem, optimum: enumerate(problem) };
    });
  const problems = await solved(0, seeds);
  const tuned = await solved(firstTuningSeed, tuningSeeds);
  for (const estimator of names) {
    const searches = (on: readonly Solved[], stepSize: number): Promise<Search[]> =>
      forEach(on, (one) => {
        const found = search(one, { estimator, update, batch, steps, stepSize });
        meter.report(++done);
        return found;
      });
    const trials: { stepSize: number; gap: number; steps: number }[] = [];
    for (const stepSize of stepSizes) {
      trials.push({ stepSize, ...summary(await searches(tuned, stepSize), steps) });
    }
    // Of step sizes that find the same architectures, the fastest.
    trials.sort((a, b) => a.gap - b.gap || a.steps - b.steps);
    const { stepSize } = trials[0];
    const results = await searches(problems, stepSize);
    const noise = await forEach(problems, ({ problem, seed }) => gradientNoise(problem, estimator, batch, seed));
    const reached = results.flatMap((result) => (result.reached === undefined ? [] : [result.reached]));
    yield {
      estimator,
      update,
      stepSize,
      seeds,
      hitRate: wilson(reached.length, seeds),
      gap: averaged(results.map((result) => result.gap)),
      noise: averaged(noise),
      steps: reached.length > 0 ? medianOf(reached) : undefined,
    };
  }
}

interface Solved {
  readonly seed: number;
  readonly problem: SubsetProblem;
  readonly optimum: Optimum;
}

interface Search {
  readonly gap: number;
  /** The step after which the best architecture is kept; undefined if it isn't the final one. */
  readonly reached: number | undefined;
}

/** Means over searches; one that doesn't reach the best architecture takes as long as all of them. */
function summary(searches: readonly Search[], steps: number): { gap: number; steps: number } {
  return {
    gap: mean(searches.map(({ gap }) => gap)),
    steps: mean(searches.map(({ reached }) => reached ?? steps + 1)),
  };
}

function search({ seed, problem, optimum }: Solved, options: Parameters<typeof runTestbed>[1]): Search {
  const run = runTestbed(problem, { ...options, seed });
  let reached = run.steps + 1;
  while (reached > 0 && run.logits[reached - 1].every((x, i) => Number(x > 0) === optimum.mask[i])) reached--;
  return {
    gap: problem.loss(run.mask) - optimum.loss,
    reached: reached <= run.steps ? reached : undefined,
  };
}

/** The noise of the logits' gradient at half-open gates, over batches and draws of the estimator. */
function gradientNoise(problem: SubsetProblem, name: EstimatorName, batch: number, seed: number): number {
  const { gateCount, points } = problem;
  const estimator = estimators[name];
  const { coldTemperature: cold } = testbedBox;
  const hot = name === "one-temperature" ? cold : testbedBox.hotTemperature;
  const start = { cold, hot, step: 0, annealSteps: 1, advantage: 0 };
  const draws = Array.from({ length: noiseDraws }, (_, draw) => {
    const noise = estimator.noisy ? logisticNoise(gateCount, seed, draw) : new Float64Array(gateCount);
    const a = noise.map((l) => estimator.gate(0, l, start));
    const rows = new Random(seed, "noise batch", draw).permutation(points, batch);
    return { noise, g: problem.gradient(a, rows), loss: problem.loss(a, rows) };
  });
  const meanLoss = mean(draws.map(({ loss }) => loss));
  const pulls = draws.map(({ noise, g, loss }) =>
    g.map((x, i) => estimator.pull(0, x, noise[i], { ...start, advantage: loss - meanLoss })),
  );
  const centre = Float64Array.from({ length: gateCount }, (_, i) => mean(pulls.map((v) => v[i])));
  const spread = mean(pulls.map((v) => v.reduce((sum, x, i) => sum + (x - centre[i]) ** 2, 0)));
  return spread / centre.reduce((sum, x) => sum + x * x, 0);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value / values.length, 0);
}

function averaged(values: readonly number[]): Scored {
  const { mean: value, low, high } = average(values.map((value, search) => ({ search, retraining: 0, value })));
  return { value, low, high };
}

/** The median; as many values lie below it as heads fall in fair tosses, which tells the ranks of the interval's ends. */
function medianOf(values: readonly number[]): Scored {
  const sorted = [...values].sort((a, b) => a - b);
  const { length } = sorted;
  const below = Math.max(0, Math.floor((length - z * Math.sqrt(length)) / 2) - 1);
  return { value: median(sorted), low: sorted[below], high: sorted[length - 1 - below] };
}

/** Wilson's 95 % interval of a rate. */
function wilson(hits: number, trials: number): Scored {
  const rate = hits / trials;
  const centre = (rate + (z * z) / (2 * trials)) / (1 + (z * z) / trials);
  const half = (z * Math.sqrt((rate * (1 - rate)) / trials + (z * z) / (4 * trials * trials))) / (1 + (z * z) / trials);
  return {
    value: rate,
    low: Math.min(rate, Math.max(0, centre - half)),
    high: Math.max(rate, Math.min(1, centre + half)),
  };
}
