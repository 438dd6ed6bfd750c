import { type Assumption, type Bound, bound } from "./bound.js";

/** Losses and gradients at relaxed gates and at the architecture that they are rounded to. */
export interface Rounding {
  /** `a`, [gateCount] */
  readonly gates: ArrayLike<number>;
  /** `b = 1[theta > 0]`, [gateCount] */
  readonly mask: ArrayLike<number>;
  readonly lossOfGates: number;
  readonly lossOfMask: number;
  /** `grad L(a)` and `grad L(b)`, [gateCount] */
  readonly gradientAtGates: ArrayLike<number>;
  readonly gradientAtMask: ArrayLike<number>;
  readonly convex: boolean;
}

/** The discretisation gap between its two sides. */
export interface DiscretisationGap {
  /** `L(b) - L(a)` */
  readonly gap: number;
  /** `<grad L(a), b - a>` and `<grad L(b), b - a>`: bounds for a convex loss, first-order estimates otherwise. */
  readonly firstOrder: readonly [number, number];
  /** Where the gap lies between both: the distance from the lower side, and the distance of the sides. */
  readonly bound: Bound;
}

/**
 * What rounding the gates to an architecture costs.
 *
 * `<grad L(a), b - a> <= L(b) - L(a) <= <grad L(b), b - a>` for convex `L`; `|b_i - a_i| = s_tc(-|theta_i|)`
 *
 * @example
 * ```ts
 * discretisationGap(rounding).gap; // for a deep network beside `firstOrder`, which is no bound there
 * ```
 * Source: Theorem 4 of this project's method notes (docs/theory.md).
 */
export function discretisationGap(rounding: Rounding): DiscretisationGap {
  const { gates, mask, lossOfGates, lossOfMask, gradientAtGates, gradientAtMask, convex } = rounding;
  const gap = lossOfMask - lossOfGates;
  const along = (gradient: ArrayLike<number>): number => {
    let sum = 0;
    for (let i = 0; i < gates.length; i++) sum += gradient[i] * (mask[i] - gates[i]);
    return sum;
  };
  const firstOrder = [along(gradientAtGates), along(gradientAtMask)] as const;
  const assumptions: Assumption[] = [
    { text: "the loss isn't convex in the gates: the sides are first-order estimates", holds: convex },
  ];
  const tolerance = 1e-12 * (Math.abs(lossOfGates) + Math.abs(lossOfMask));
  const between = bound({
    theorem: "Theorem 4",
    what: "discretisation gap above its lower side",
    assumptions,
    left: gap - firstOrder[0],
    right: firstOrder[1] - firstOrder[0],
    tolerance,
    terms: { gap, "lower side": firstOrder[0], "upper side": firstOrder[1] },
  });
  return { gap, firstOrder, bound: { ...between, holds: between.holds && between.left! >= -tolerance } };
}
