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
 * @param rows - at most 5,000 values
 * @returns the parts and the total variance
 * @throws TwotempError `statistics/value`, `statistics/empty`, `statistics/size`
 * @example
 * ```ts
 * varianceParts(records); // { search: 4.1, retraining: 0.6, episode: 9.8, residual: 2.2, total: 16.4 }
 * ```
 * Source: Searle, Casella and McCulloch, Variance Components, 1992, chapter 5 (quadratic unbiased estimation).
 */
export function varianceParts(rows: readonly CrossedMeasurement[]): VarianceParts {
  if (rows.length < 2) throw new TwotempError("statistics/empty", `a variance needs 2 values, got ${rows.length}`);
  if (rows.length > 5000) {
    throw new TwotempError(
      "statistics/size",
      `at most 5,000 values, got ${rows.length}; split one arm and setting at a time`,
    );
  }
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

  // Mean product of the pairs that share exactly the sources of the bit mask.
  const sums = new Float64Array(8);
  const counts = new Float64Array(8);
  for (let i = 0; i < rows.length; i++) {
    for (let j = 0; j < i; j++) {
      let shared = 0;
      for (let k = 0; k < 3; k++) if (varies[k] && levels[k][i] === levels[k][j]) shared |= 1 << k;
      sums[shared] += deviations[i] * deviations[j];
      counts[shared]++;
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
