/**
 * The gate at temperature `t`: how open a gate with logit `x` is.
 *
 * `s_t(x) = 1 / (1 + exp(-x / t))`
 *
 * @param x - the logit
 * @param t - the temperature, above 0; the smaller, the nearer the gate is to 0 or 1
 * @returns a number in [0, 1]
 * @example
 * ```ts
 * gate(0.1, 0.05); // 0.88: a cold gate is nearly binary
 * ```
 * Source: "The problem" in this project's method notes (docs/theory.md).
 */
export function gate(x: number, t: number): number {
  // The exponential of a negative number can't overflow.
  const e = Math.exp(-Math.abs(x) / t);
  return x >= 0 ? 1 / (1 + e) : e / (1 + e);
}

/**
 * The slope of the gate at temperature `t`, at most `1 / (4 t)`.
 *
 * `s_t'(x) = s_t(x) (1 - s_t(x)) / t`
 *
 * @param x - the logit
 * @param t - the temperature, above 0
 * @example
 * ```ts
 * gateSlope(1, 0.05); // 4e-8: a cold gate passes nearly no gradient back
 * gateSlope(1, 1);    // 0.197: a hot one does
 * ```
 * Source: "The problem" in this project's method notes (docs/theory.md).
 */
export function gateSlope(x: number, t: number): number {
  const e = Math.exp(-Math.abs(x) / t);
  return e / (t * (1 + e) * (1 + e));
}
