import { gammaln } from "simple-statistics";

/** The continued fraction of the incomplete beta function (Lentz's method). */
function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  let c = 1;
  let d = 1 / (1 - ((a + b) * x) / (a + 1) || tiny);
  let fraction = d;
  for (let m = 1; m < 1000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    let change = 1;
    for (const numerator of [even, odd]) {
      d = 1 / (1 + numerator * d || tiny);
      c = 1 + numerator / c || tiny;
      change = c * d;
      fraction *= change;
    }
    if (Math.abs(change - 1) < 1e-15) break;
  }
  return fraction;
}

/** The regularised incomplete beta function `I_x(a, b)`. */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const front = Math.exp(gammaln(a + b) - gammaln(a) - gammaln(b) + a * Math.log(x) + b * Math.log1p(-x));
  if (x < (a + 1) / (a + b + 2)) return (front * betaFraction(x, a, b)) / a;
  return 1 - (front * betaFraction(1 - x, b, a)) / b;
}

/**
 * The probability that Student's t exceeds `|t|` on either side.
 *
 * `P(|T| > |t|) = I_x(v/2, 1/2)`, `x = v / (v + t^2)`, with I the regularised incomplete beta function.
 *
 * @param t - the statistic
 * @param degrees - degrees of freedom v > 0, not necessarily whole
 * @returns a probability in [0, 1]
 * @example
 * ```ts
 * studentTails(2.776445, 4); // 0.05
 * ```
 * Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.1.
 */
export function studentTails(t: number, degrees: number): number {
  return incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5);
}

/**
 * The t that Student's distribution exceeds in magnitude with probability `tails`.
 *
 * @param tails - probability of both tails together, in (0, 1]
 * @param degrees - degrees of freedom v > 0
 * @returns t >= 0
 * @example
 * ```ts
 * studentQuantile(0.05, 4); // 2.776445
 * ```
 */
export function studentQuantile(tails: number, degrees: number): number {
  let high = 1;
  while (studentTails(high, degrees) > tails && high < 1e300) high *= 2;
  let low = 0;
  for (let i = 0; i < 200 && high - low > 1e-14 * high; i++) {
    const middle = (low + high) / 2;
    if (studentTails(middle, degrees) > tails) low = middle;
    else high = middle;
  }
  return high;
}
