/**
 * The mirror map of the hot temperature: the dual variable in which the two-temperature flow is a plain gradient flow.
 *
 * `y(x) = 2 th (x + th sinh(x / th))`, odd and increasing, with `dy/dx = 1 / s_th'(x)`
 *
 * @param x - the logit
 * @param hot - the hot temperature `th`
 * @example
 * ```ts
 * mirrorInverse(mirrorMap(0.7, 1), 1); // 0.7
 * ```
 * Source: "Why it is mirror descent" in this project's method notes (docs/theory.md).
 */
export function mirrorMap(x: number, hot: number): number {
  return 2 * hot * (x + hot * Math.sinh(x / hot));
}

/**
 * The logit with a given dual variable: the inverse of {@link mirrorMap}, to 1e-12 relative.
 *
 * With `z = |x| / th` and `q = |y| / (2 th^2)` it solves `z + sinh z = q`. The left side is convex and increasing, so
 * Newton's iteration falls monotonically onto the root from any point above it, and one step from below leads above it.
 *
 * @param y - the dual variable
 * @param hot - the hot temperature `th`
 * @param near - a logit near the answer, to start from; any number does
 * @example
 * ```ts
 * mirrorInverse(mirrorMap(0.7, 1) - 0.1 * gradient, 1, 0.7); // one mirror step
 * ```
 * Source: "Why it is mirror descent" in this project's method notes (docs/theory.md).
 */
export function mirrorInverse(y: number, hot: number, near?: number): number {
  const sign = y < 0 ? -1 : 1;
  const q = Math.abs(y) / (2 * hot * hot);
  // z <= q / 2 because sinh z >= z, and z <= asinh q <= log(1 + 2 q).
  const above = Math.min(q / 2, Math.log1p(2 * q));
  let z = near === undefined ? above : Math.min(Math.max((sign * near) / hot, 0), above);
  for (let iteration = 0; iteration < 64; iteration++) {
    // sinh and cosh from one exponential less 1, which keeps its digits near 0: cosh z = sinh z + exp(-z).
    const e = Math.expm1(z);
    const inverse = 1 / (1 + e);
    const sinh = (e + e * inverse) / 2;
    const step = (z + sinh - q) / (1 + sinh + inverse);
    z = Math.min(z - step, above);
    // What is left is about tanh(z / 2) step^2 / 2 <= z step^2 / 4.
    if (step * step <= 1e-14) break;
  }
  return sign * hot * z;
}
