import { largestRatio } from "../../relaxation/options.js";
import { ReferenceAccumulators } from "../../relaxation/accumulators.js";
import { certificate } from "../certificate.js";
import { enumerate, type Optimum } from "./enumerate.js";
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
 * Source: Theorems 1 and 8 of this project's method notes (docs/theory.md).
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

/** One run on a problem whose optimum is known, thinned out. */
export interface StudiedRun extends RegretCurve {
  /** What the sliders stand at: `tc`, `th`, `eta`, `R`, `gamma`. */
  readonly values: SliderValues;
  /** Relaxed objective above the best architecture's. */
  readonly excess: readonly number[];
  /** The gates after each of the steps, [gateCount][steps]. */
  readonly gates: readonly (readonly number[])[];
  /** Whether the final architecture is the best of all. */
  readonly found: boolean;
}

export type SliderName = "tc" | "th" | "eta" | "R" | "gamma";

export type SliderValues = Readonly<Record<SliderName, number>>;

/** The objective over two gates, [j][i]. */
export type Landscape = readonly (readonly number[])[];

/** Runs on one problem, each with one thing changed. */
export interface ConvergenceStudy {
  /** The run with nothing changed. */
  readonly base: StudiedRun;
  /** The objective around the base's gates after each of its steps. */
  readonly landscapes: readonly Landscape[];
  /** Runs with one value changed, and the objective around their last gates. */
  readonly sliders: readonly {
    readonly name: SliderName;
    readonly runs: readonly (StudiedRun & { readonly landscape: Landscape })[];
  }[];
  /** The two gates of the landscapes: the first that the best architecture keeps, and the first that it doesn't. */
  readonly landscapeGates: readonly [number, number];
  /** Where the landscapes are evaluated, for either gate. */
  readonly landscapeAxis: readonly number[];
}

/**
 * Runs of the testbed around one setting, for figures with sliders: temperatures, step size, box and penalty are changed one
 * at a time.
 *
 * @param options - the run in the middle; `batch` and `update` hold for all
 *
 * Source: "How tight it is" in this project's method notes (docs/theory.md).
 */
export function convergenceStudy(options: TestbedOptions & { readonly penalty?: number } = {}): ConvergenceStudy {
  const { penalty = 0.15, seed = 0, steps = 200 } = options;
  const middle = subsetProblem({ seed, penalty });
  const { stepSize, coldTemperature: tc, hotTemperature: th, logitBound: R } = runTestbed(middle, options).settings;
  const values = { tc, th, eta: stepSize, R, gamma: penalty };
  const optimum = enumerate(middle);
  const landscapeGates = contrastingGates(optimum);
  const landscapeAxis = Array.from({ length: 15 }, (_, k) => k / 14);
  const around = (problem: SubsetProblem, run: StudiedRun, k: number): Landscape =>
    landscape(problem, gatesAt(run, k), landscapeGates, landscapeAxis);
  const base = studied(middle, optimum, values, { ...options, steps });
  const study = (changed: Partial<SliderValues>): StudiedRun & { landscape: Landscape } => {
    const own = { ...values, ...changed };
    const problem = own.gamma === penalty ? middle : subsetProblem({ seed, penalty: own.gamma });
    const run = studied(problem, problem === middle ? optimum : enumerate(problem), own, { ...options, steps });
    return { ...run, landscape: around(problem, run, run.steps.length - 1) };
  };
  // Only values that go with the run in the middle.
  const colds = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3].filter((cold) => cold < th);
  const hots = [0.1, 0.2, 0.5, 1, 2].filter((hot) => hot > tc && R / hot <= largestRatio);
  const start = Math.max(0, ...Array.from(options.initialLogits ?? [], Math.abs));
  const radii = [0.1, 0.25, 0.5, 1, 2, 3].filter((radius) => radius >= start && radius / th <= largestRatio);
  return {
    base,
    landscapes: base.steps.map((_, k) => around(middle, base, k)),
    sliders: [
      { name: "tc", runs: [...colds, th].map((cold) => study({ tc: cold })) },
      { name: "th", runs: [...(R / tc <= largestRatio ? [tc] : []), ...hots].map((hot) => study({ th: hot })) },
      { name: "eta", runs: [0.1, 0.2, 0.5, 1, 2, 5, 20, 100].map((factor) => study({ eta: factor * stepSize })) },
      { name: "R", runs: radii.map((radius) => study({ R: radius })) },
      { name: "gamma", runs: [0, 0.05, 0.15, 0.4, 1, 3].map((price) => study({ gamma: price })) },
    ],
    landscapeGates,
    landscapeAxis,
  };
}

/** Two gates to look at: the first that the best architecture keeps, and the first that it doesn't. */
export function contrastingGates({ mask }: Optimum): readonly [number, number] {
  const kept = Math.max(0, mask.indexOf(1));
  return [kept, Math.max(mask.indexOf(0), kept === 0 ? 1 : 0)];
}

/**
 * Searches a problem with some values of the sliders.
 *
 * @param options - of the run; temperatures, step size, box and penalty come from `values` and the problem
 */
export function studied(
  problem: SubsetProblem,
  optimum: Optimum,
  values: SliderValues,
  options: TestbedOptions,
): StudiedRun {
  const run = runTestbed(problem, {
    ...options,
    coldTemperature: values.tc,
    hotTemperature: values.th,
    stepSize: values.eta,
    logitBound: values.R,
  });
  const count = 26;
  const steps = [...new Set(Array.from({ length: count }, (_, k) => Math.round((k * run.steps) / (count - 1))))];
  return {
    values,
    ...regretCurve(run, optimum.mask, steps),
    excess: steps.map((t) => run.losses[t] - optimum.loss),
    gates: Array.from({ length: problem.gateCount }, (_, i) => steps.map((t) => run.gates[t][i])),
    found: run.mask.every((open, i) => open === optimum.mask[i]),
  };
}

/** All gates of a run after its `k`-th step that is kept. */
export function gatesAt(run: StudiedRun, k: number): number[] {
  return run.gates.map((gate) => gate[k]);
}

/**
 * The objective over two gates, the others as given.
 *
 * @param gates - [gateCount]
 * @param axis - the values of either gate
 * @returns one row a value of the second gate, one column a value of the first
 */
export function landscape(
  problem: SubsetProblem,
  gates: readonly number[],
  [first, second]: readonly [number, number],
  axis: readonly number[],
): number[][] {
  const around = gates.slice();
  return axis.map((y) =>
    axis.map((x) => {
      around[first] = x;
      around[second] = y;
      return problem.loss(around);
    }),
  );
}
