import { gateSlope } from "../../relaxation/index.js";
import { ReferenceAccumulators } from "../../relaxation/accumulators.js";
import { approximationError, classicalRate } from "../approximation.js";
import { certificate } from "../certificate.js";
import { enumerate } from "./enumerate.js";
import { subsetProblem, type SubsetProblem } from "./problem.js";
import { runTestbed, type TestbedOptions, type TestbedRun } from "./run.js";

/** Regret and its bound as a run goes on. */
export interface RegretCurve {
  readonly steps: readonly number[];
  readonly regret: readonly number[];
  readonly bound: readonly number[];
}

/**
 * The certificate of a run at the enumerated optimum, or at any other architecture, after each of some steps.
 *
 * @param mask - the comparator, [gateCount]
 * @param steps - after which steps, rising
 * @example
 * ```ts
 * regretCurve(run, optimum.mask, [10, 50, 200]).bound;
 * ```
 * Source: Theorems 1 and 8 of this project's method notes.
 */
export function regretCurve(run: TestbedRun, mask: ArrayLike<number>, steps: readonly number[]): RegretCurve {
  const sums = new ReferenceAccumulators(run.settings.initialLogits);
  const sides = steps.map((until, k) => {
    for (let t = k === 0 ? 0 : steps[k - 1]; t < until; t++) {
      sums.add(run.gates[t], run.gradients[t]);
      sums.moved(run.logits[t + 1]);
    }
    return certificate(sums.read(run.logits[until]), run.settings, mask).atFinal;
  });
  return { steps, regret: sides.map(({ left }) => left ?? NaN), bound: sides.map(({ right }) => right ?? NaN) };
}

/** One run of a {@link ConvergenceStudy}, thinned out. */
export interface StudiedRun extends RegretCurve {
  /** What the sliders stand at: `tc`, `th`, `eta`, `R`, `gamma`. */
  readonly values: Readonly<Record<SliderName, number>>;
  /** Relaxed objective above the best architecture's. */
  readonly excess: readonly number[];
  /** The gates after each of the steps, [gateCount][steps]. */
  readonly gates: readonly (readonly number[])[];
  /** Whether the final architecture is the best of all. */
  readonly found: boolean;
  /** The objective over the two gates of the landscape, the others as in the best architecture, [j][i]. */
  readonly landscape: readonly (readonly number[])[];
}

export type SliderName = "tc" | "th" | "eta" | "R" | "gamma";

/** Runs on one problem, each with one thing changed. */
export interface ConvergenceStudy {
  /** The run with nothing changed. */
  readonly base: StudiedRun;
  readonly sliders: readonly { readonly name: SliderName; readonly runs: readonly StudiedRun[] }[];
  /** The two gates of the landscape: the first that the best architecture keeps, and the first that it doesn't. */
  readonly landscapeGates: readonly [number, number];
  /** Where the landscape is evaluated, for either gate. */
  readonly landscapeAxis: readonly number[];
}

/**
 * Runs of the testbed around one setting, for figures with sliders: temperatures, step size, box and penalty are changed one
 * at a time.
 *
 * @param options - the run in the middle; `batch` and `update` hold for all
 *
 * Source: section 6 of this project's method notes.
 */
export function convergenceStudy(options: TestbedOptions & { readonly penalty?: number } = {}): ConvergenceStudy {
  const { penalty = 0.15, seed = 0, steps = 200 } = options;
  const middle = runTestbed(subsetProblem({ seed, penalty }), { ...options, seed, steps });
  const { stepSize, coldTemperature: tc, hotTemperature: th, logitBound: R } = middle.settings;
  const values = { tc, th, eta: stepSize, R, gamma: penalty };
  const { mask } = enumerate(subsetProblem({ seed, penalty }));
  const kept = Math.max(0, mask.indexOf(1));
  const landscapeGates = [kept, Math.max(mask.indexOf(0), kept === 0 ? 1 : 0)] as const;
  const landscapeAxis = Array.from({ length: 15 }, (_, k) => k / 14);
  const study = (changed: Partial<Record<SliderName, number>>): StudiedRun =>
    studied({ ...values, ...changed }, { ...options, seed, steps }, landscapeGates, landscapeAxis);
  return {
    base: study({}),
    sliders: [
      { name: "tc", runs: [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, th].map((cold) => study({ tc: cold })) },
      { name: "th", runs: [tc, 0.1, 0.2, 0.5, 1, 2].map((hot) => study({ th: hot })) },
      { name: "eta", runs: [0.1, 0.2, 0.5, 1, 2, 5, 20, 100].map((factor) => study({ eta: factor * stepSize })) },
      { name: "R", runs: [0.1, 0.25, 0.5, 1, 2, 3].map((radius) => study({ R: radius })) },
      { name: "gamma", runs: [0, 0.05, 0.15, 0.4, 1, 3].map((price) => study({ gamma: price })) },
    ],
    landscapeGates,
    landscapeAxis,
  };
}

function studied(
  values: Record<SliderName, number>,
  options: TestbedOptions,
  [first, second]: readonly [number, number],
  axis: readonly number[],
): StudiedRun {
  const problem: SubsetProblem = subsetProblem({ seed: options.seed, penalty: values.gamma });
  const optimum = enumerate(problem);
  const run = runTestbed(problem, {
    ...options,
    coldTemperature: values.tc,
    hotTemperature: values.th,
    stepSize: values.eta,
    logitBound: values.R,
  });
  const count = 26;
  const steps = [...new Set(Array.from({ length: count }, (_, k) => Math.round((k * run.steps) / (count - 1))))];
  const around = Float64Array.from(optimum.mask);
  const landscape = axis.map((y) =>
    axis.map((x) => {
      around[first] = x;
      around[second] = y;
      return problem.loss(around);
    }),
  );
  return {
    values,
    ...regretCurve(run, optimum.mask, steps),
    excess: steps.map((t) => run.losses[t] - optimum.loss),
    gates: Array.from({ length: problem.gateCount }, (_, i) => steps.map((t) => run.gates[t][i])),
    found: run.mask.every((open, i) => open === optimum.mask[i]),
    landscape,
  };
}

/** What both analyses promise for a number of steps, beside what was reached. */
export interface RateStudy {
  readonly steps: readonly number[];
  /** `L(mean a_t)` above the optimum. */
  readonly measured: readonly number[];
  /** Theorem 2: the regret bound over the steps. */
  readonly own: readonly number[];
  /** Theorem 5: the classical bound, and the part of it that stays. */
  readonly classical: readonly number[];
  readonly floor: readonly number[];
}

/**
 * Theorem 2 and the classical analysis of Theorem 5 on one problem, for runs of more and more `euler` steps.
 *
 * Source: Theorems 2 and 5 of this project's method notes.
 */
export function rateStudy(options: { readonly seed?: number; readonly steps?: readonly number[] } = {}): RateStudy {
  const { seed = 0, steps = [25, 50, 100, 200, 400, 800, 1600, 3200] } = options;
  const problem = subsetProblem({ seed });
  const optimum = enumerate(problem);
  const rows = steps.map((count) => {
    const run = runTestbed(problem, { update: "euler", steps: count, seed });
    const { coldTemperature: cold, hotTemperature: hot, stepSize, logitBound: radius } = run.settings;
    const mean = Float64Array.from(
      { length: problem.gateCount },
      (_, i) => run.gates.slice(0, count).reduce((sum, a) => sum + a[i], 0) / count,
    );
    const pulls = run.gradients.map((g, t) =>
      g.reduce((sum, x, i) => sum + (x * gateSlope(run.logits[t][i], hot)) ** 2, 0),
    );
    const classical = classicalRate({
      gateCount: problem.gateCount,
      radius,
      stepSize,
      steps: count,
      meanSquare: pulls.reduce((sum, square) => sum + square, 0) / count,
      largestError: Math.max(...run.gradients.map((g, t) => approximationError(run.logits[t], g, cold, hot))),
    });
    const { right } = certificate(run.accumulators, run.settings, optimum.mask).atFinal;
    return { measured: problem.loss(mean) - optimum.loss, own: right! / count, classical };
  });
  return {
    steps,
    measured: rows.map((row) => row.measured),
    own: rows.map((row) => row.own),
    classical: rows.map((row) => row.classical.total),
    floor: rows.map((row) => row.classical.floor),
  };
}
