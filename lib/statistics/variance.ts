import { mean } from "simple-statistics";
import { TwotempError } from "../errors.js";

/** A value with the three sources of chance behind it. */
export interface CrossedMeasurement {
  readonly search: string | number;
  readonly retraining: string | number;
  readonly episode: string | number;
  readonly value: number;
}

/** Variances in the squared unit of the values; undefined where the design can't tell. */
export interface VarianceParts {
  /** Between architectures of different search seeds. */
  readonly search: number | undefined;
  /** Between retraining seeds (initial draws, order of examples). */
  readonly retraining: number | undefined;
  /** Between episodes (which shots of the target were drawn). */
  readonly episode: number | undefined;
  /** What the three don't explain by themselves: their interactions and chance. */
  readonly residual: number | undefined;
  readonly total: number;
}

/**
 * Splits the variance of an arm into search, retraining and episode parts.
 *
 * Model: `value = mean + search + retraining + episode + residual`, all random. The covariance of two values that share only their
 * search is the search part, and so on: each part is the mean product of such pairs' deviations, less that of pairs
 * that share nothing. Unbiased for full designs, so a part that is nothing can come out slightly negative.
 * A source with one level has no part, nor have sources that always change together.
 *
 * @returns the parts and the total variance
 * @throws TwotempError `statistics/value`, `statistics/empty`
 * @example
 * ```ts
 * varianceParts(records); // { search: 4.1, retraining: 0.6, episode: 9.8, residual: 2.2, total: 16.4 }
 * ```
 * Source: Searle, Casella and McCulloch, Variance Components, 1992, chapter 5 (quadratic unbiased estimation).
 */
export function varianceParts(rows: readonly CrossedMeasurement[]): VarianceParts {
  if (rows.length < 2) throw new TwotempError("statistics/empty", `a variance needs 2 values, got ${rows.length}`);
  const bad = rows.find((row) => !Number.isFinite(row.value));
  if (bad)
    throw new TwotempError("statistics/value", `a value is ${bad.value} (search ${bad.search}); leave failed runs out`);

  const sources = ["search", "retraining", "episode"] as const;
  const levels = sources.map((source) => {
    const numbers = new Map<string, number>();
    return rows.map((row) => {
      const level = String(row[source]);
      if (!numbers.has(level)) numbers.set(level, numbers.size);
      return numbers.get(level) as number;
    });
  });
  const varies = levels.map((level) => level.some((number) => number !== level[0]));
  const centre = mean(rows.map((row) => row.value));
  const deviations = rows.map((row) => row.value - centre);

  // Sums over the pairs that share at least the sources of a bit mask, from sums over the values that have them in common.
  const sums = new Float64Array(8);
  const counts = new Float64Array(8);
  const possible = [...sums.keys()].filter((mask) => varies.every((does, k) => does || !(mask & (1 << k))));
  for (const mask of possible) {
    const groups = new Map<string, { sum: number; squares: number; count: number }>();
    deviations.forEach((deviation, i) => {
      const key = levels.map((level, k) => (mask & (1 << k) ? level[i] : "")).join();
      const { sum, squares, count } = groups.get(key) ?? { sum: 0, squares: 0, count: 0 };
      groups.set(key, { sum: sum + deviation, squares: squares + deviation ** 2, count: count + 1 });
    });
    for (const { sum, squares, count } of groups.values()) {
      sums[mask] += (sum ** 2 - squares) / 2;
      counts[mask] += (count * (count - 1)) / 2;
    }
  }
  // Less those that share more leaves those that share exactly these.
  for (const mask of possible.toReversed()) {
    for (const more of possible.filter((other) => other > mask && (other & mask) === mask)) {
      sums[mask] -= sums[more];
      counts[mask] -= counts[more];
    }
  }
  const base = counts[0] > 0 ? sums[0] / counts[0] : undefined;
  const part = (k: number): number | undefined =>
    varies[k] && base !== undefined && counts[1 << k] > 0 ? sums[1 << k] / counts[1 << k] - base : undefined;
  const [search, retraining, episode] = [0, 1, 2].map(part);
  const second = mean(deviations.map((deviation) => deviation ** 2));
  const total = base === undefined ? (second * rows.length) / (rows.length - 1) : second - base;
  const explained = [search, retraining, episode].filter((_, k) => varies[k]);
  const residual = explained.some((variance) => variance === undefined)
    ? undefined
    : explained.reduce<number>((left, variance) => left - (variance as number), total);
  return { search, retraining, episode, residual, total };
}
