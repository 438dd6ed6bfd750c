import { type Bound, bound } from "./bound.js";

/**
 * The convex case: the mean of the gates is as good as any vertex, up to the regret bound over the steps.
 *
 * `L(mean a_t) - L(u) - noise / T <= 1/T sum_t (L(a_t) - L(u)) - noise / T <= regret bound / T`
 *
 * with `noise = sum_t <grad L(a_t) - g_t, a_t - u>`, which is 0 for full gradients and has mean 0 for unbiased ones, if
 * `u` was chosen without looking at the run.
 *
 * @param run.lossOfMean - `L(mean a_t)`
 * @param run.meanLoss - `1/T sum_t L(a_t)`
 * @param run.comparatorLoss - `L(u)`
 * @param run.regretBound - the right side of the run's certificate at `u`
 * @param run.convex - whether `L` is convex in the gates
 * @param run.noise - see above; default 0
 * @returns the inequality between the ends; the middle is in its terms
 * @example
 * ```ts
 * convexRate({ lossOfMean: 0.31, meanLoss: 0.32, comparatorLoss: 0.3, regretBound: 8, steps: 200, convex: true }).ratio;
 * ```
 * Source: Theorem 2 of this project's method notes (docs/theory.md).
 */
export function convexRate(run: {
  readonly lossOfMean: number;
  readonly meanLoss: number;
  readonly comparatorLoss: number;
  readonly regretBound: number;
  readonly steps: number;
  readonly convex: boolean;
  readonly noise?: number;
}): Bound {
  const { lossOfMean, meanLoss, comparatorLoss, regretBound, steps, convex, noise = 0 } = run;
  return bound({
    theorem: "Theorem 2",
    what: "loss of the mean gates above the comparator, less the noise",
    assumptions: [{ text: "the loss isn't convex in the gates", holds: convex }],
    left: lossOfMean - comparatorLoss - noise / steps,
    right: regretBound / steps,
    tolerance: 1e-12 * (Math.abs(lossOfMean) + Math.abs(comparatorLoss)),
    terms: { "mean loss above the comparator": meanLoss - comparatorLoss, "noise a step": noise / steps },
  });
}

/** What the best constant step size depends on. */
export interface Horizon {
  readonly cold: number;
  readonly hot: number;
  /** `V0(u)` of the comparator. */
  readonly divergence: number;
  /** `G2`, the mean of `|g_t|^2`. */
  readonly meanSquare: number;
  readonly steps: number;
}

/**
 * The constant step that makes the bound of Theorem 1 for `mirror` smallest.
 *
 * `eta* = sqrt(32 tc th V0 / (G2 T))`
 *
 * @example
 * ```ts
 * bestStep({ cold: 0.05, hot: 0.5, divergence: 0.84, meanSquare: 1, steps: 200 }); // 0.058
 * ```
 * Source: Theorem 2 of this project's method notes (docs/theory.md).
 */
export function bestStep({ cold, hot, divergence, meanSquare, steps }: Horizon): number {
  return Math.sqrt((32 * cold * hot * divergence) / (meanSquare * steps));
}

/**
 * The bound of Theorem 2 with {@link bestStep}: `sqrt(G2 V0 / (8 tc th T))`.
 *
 * As `tc / th` falls it tends to `sqrt(G2 D ln 2 / (2 T))`: it depends on the temperatures through their ratio only.
 *
 * Source: Theorem 2 of this project's method notes (docs/theory.md).
 */
export function bestRate({ cold, hot, divergence, meanSquare, steps }: Horizon): number {
  return Math.sqrt((meanSquare * divergence) / (8 * cold * hot * steps));
}
