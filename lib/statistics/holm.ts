import { TwotempError } from "../errors.js";

/**
 * Holm's correction: p-values of several comparisons, adjusted so that all can be held against one level.
 *
 * With the m p-values in rising order, `adjusted(i) = max over j <= i of min(1, (m - j + 1) p(j))`. Rejecting where the adjusted
 * value is below 0.05 makes any false rejection at all a 5 % event, whatever the dependence of the comparisons.
 *
 * @param pValues - the p-values, in any order
 * @returns the adjusted p-values in the same order
 * @throws TwotempError `statistics/p` for a value outside [0, 1]
 * @example
 * ```ts
 * holm([0.01, 0.04, 0.03]); // [0.03, 0.06, 0.06]
 * ```
 * Source: Holm, Scandinavian Journal of Statistics 1979.
 */
export function holm(pValues: readonly number[]): number[] {
  const bad = pValues.find((p) => !(p >= 0 && p <= 1));
  if (bad !== undefined) throw new TwotempError("statistics/p", `a p-value must be in [0, 1], got ${bad}`);
  const order = pValues.map((_, i) => i).sort((i, j) => pValues[i] - pValues[j]);
  const adjusted = new Array<number>(pValues.length);
  let largest = 0;
  order.forEach((index, rank) => {
    largest = Math.max(largest, Math.min(1, (pValues.length - rank) * pValues[index]));
    adjusted[index] = largest;
  });
  return adjusted;
}
