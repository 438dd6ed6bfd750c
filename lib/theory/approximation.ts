import { gateSlope } from "../relaxation/index.js";
import { type Bound, bound } from "./bound.js";

/**
 * `Delta(R) = max over |x| <= R of |s_tc'(x) - s_th'(x)|`, attained at 0 when `th >= 2 tc`.
 *
 * The difference is even, smooth and has few extrema: a grid finds the highest one, a ternary search its top.
 *
 * Source: Theorem 5 of this project's method notes (docs/theory.md).
 */
export function largestSlopeGap(cold: number, hot: number, radius: number): number {
  const gap = (x: number): number => Math.abs(gateSlope(x, cold) - gateSlope(x, hot));
  const cells = 4096;
  let best = 0;
  for (let k = 1; k <= cells; k++) if (gap((k * radius) / cells) > gap((best * radius) / cells)) best = k;
  let low = (Math.max(best - 1, 0) * radius) / cells;
  let high = (Math.min(best + 1, cells) * radius) / cells;
  for (let iteration = 0; iteration < 80; iteration++) {
    const third = (high - low) / 3;
    if (gap(low + third) < gap(high - third)) low += third;
    else high -= third;
  }
  return Math.max(gap(0), gap(radius), gap((low + high) / 2));
}

/** `|e| = |(s_th'(theta) - s_tc'(theta)) * g|`: how far the two-temperature gradient is from the relaxed objective's own. */
export function approximationError(
  logits: ArrayLike<number>,
  gradient: ArrayLike<number>,
  cold: number,
  hot: number,
): number {
  let squares = 0;
  for (let i = 0; i < logits.length; i++) {
    squares += ((gateSlope(logits[i], hot) - gateSlope(logits[i], cold)) * gradient[i]) ** 2;
  }
  return Math.sqrt(squares);
}

/**
 * The error of the two-temperature gradient is at most `Delta(R) |g|`.
 *
 * @param logits - `theta` inside the box, [gateCount]
 * @param gradient - `g`, [gateCount]
 *
 * Source: Theorem 5 of this project's method notes (docs/theory.md).
 */
export function approximationBound(
  logits: ArrayLike<number>,
  gradient: ArrayLike<number>,
  cold: number,
  hot: number,
  radius: number,
): Bound {
  const size = Math.sqrt(Array.from(gradient).reduce((sum, g) => sum + g * g, 0));
  const gap = largestSlopeGap(cold, hot, radius);
  return bound({
    theorem: "Theorem 5",
    what: "error of the two-temperature gradient",
    left: approximationError(logits, gradient, cold, hot),
    right: gap * size,
    tolerance: 1e-12 * gap * size,
    terms: { Delta: gap, "|g|": size },
  });
}

/**
 * What the classical analysis of projected SGD along the two-temperature gradient promises, if `F = L o s_tc` is convex on the
 * box:
 *
 * `E F(mean theta_t) - min F <= (2 R sqrt(D))^2 / (2 eta T) + eta Gv2 / 2 + 2 R sqrt(D) max e`
 *
 * Its last term, the floor, stays whatever the number of steps; Theorem 2 has none such. `F` is hardly ever convex: then
 * there is no bound, but its terms can still be looked at.
 *
 * @param run.meanSquare - `Gv2`, the mean of `|v_t|^2`
 * @param run.largestError - `max e`, see {@link approximationError}
 * @param run.lossOfMean - `F(mean theta_t)`
 * @param run.lowest - `min F` on the box
 * @param run.convex - whether `F` is convex on the box
 *
 * Source: Theorem 5 of this project's method notes (docs/theory.md).
 */
export function classicalRate(run: {
  readonly gateCount: number;
  readonly radius: number;
  readonly stepSize: number;
  readonly steps: number;
  readonly meanSquare: number;
  readonly largestError: number;
  readonly lossOfMean: number;
  readonly lowest: number;
  readonly convex: boolean;
}): Bound {
  const { stepSize, steps, meanSquare, largestError, lossOfMean, lowest, convex } = run;
  const diameter = 2 * run.radius * Math.sqrt(run.gateCount);
  const floor = diameter * largestError;
  const total = diameter ** 2 / (2 * stepSize * steps) + (stepSize * meanSquare) / 2 + floor;
  return bound({
    theorem: "Theorem 5",
    what: "relaxed loss of the mean logits above the lowest",
    assumptions: [{ text: "the relaxed loss isn't convex in the logits", holds: convex }],
    left: lossOfMean - lowest,
    right: total,
    tolerance: 1e-12 * (Math.abs(lossOfMean) + Math.abs(lowest)),
    terms: { floor, total },
  });
}
