import { mean, quantileSorted, sampleVariance } from "simple-statistics";
import { Random } from "../engine/random.js";
import { TwotempError } from "../errors.js";
import { studentQuantile } from "./student.js";

export interface BootstrapOptions {
  /** Probability that the interval covers the truth. */
  readonly level?: number;
  /** Number of bootstrap resamples. */
  readonly resamples?: number;
  /** Seed of the resampling. */
  readonly seed?: number;
}

export interface Interval {
  readonly low: number;
  readonly high: number;
  /** One minus the largest level at which the interval still leaves zero out. */
  readonly p: number;
  readonly standardError: number;
  /** Degrees of freedom of the standard error. */
  readonly degrees: number;
}

/** A full table of values and the sign with which its mean enters the estimate. */
export interface SignedTable {
  readonly sign: number;
  readonly values: readonly Float64Array[];
}

/** One estimated part of the estimate's variance: a mean square, its sign folded in, with its degrees of freedom. */
interface Part {
  readonly variance: number;
  readonly degrees: number;
}

/** Degrees of freedom at which Student's quantiles are the normal ones to six digits. */
const nearlyNormal = 1e6;

/** Unbiased variance of the signed sum of grand means, architectures and (shared) retrainings both random. */
function varianceOfMean(tables: readonly SignedTable[]): Part | undefined {
  const retrainings = tables[0].values[0].length;
  const parts: Part[] = [];
  const columns = new Float64Array(retrainings);
  for (const { sign, values } of tables) {
    const searches = values.length;
    const rowMeans = values.map((row) => mean(Array.from(row)));
    const columnMeans = new Float64Array(retrainings);
    for (const row of values) for (let r = 0; r < retrainings; r++) columnMeans[r] += row[r] / searches;
    for (let r = 0; r < retrainings; r++) columns[r] += sign * columnMeans[r];
    if (searches < 2) continue;
    parts.push({ variance: sampleVariance(rowMeans) / searches, degrees: searches - 1 });
    if (retrainings < 2) continue;
    // The spread of rows and that of columns both contain the interaction: take it off once.
    const grand = mean(rowMeans);
    const degrees = (searches - 1) * (retrainings - 1);
    let squares = 0;
    values.forEach((row, s) =>
      row.forEach((value, r) => (squares += (value - rowMeans[s] - columnMeans[r] + grand) ** 2)),
    );
    parts.push({ variance: -squares / degrees / (searches * retrainings), degrees });
  }
  if (retrainings > 1) {
    parts.push({ variance: sampleVariance(Array.from(columns)) / retrainings, degrees: retrainings - 1 });
  }
  if (parts.length === 0) return undefined;
  // What is taken off can't leave less than the largest of the spreads, and that of the interaction is one.
  const least = (some: readonly Part[]): number => Math.max(...some.map(({ variance }) => Math.abs(variance)));
  const positive = parts.filter((part) => part.variance > 0);
  const fewest = Math.min(...(positive.length > 0 ? positive : parts).map(({ degrees }) => degrees));
  if (positive.length === 0) return { variance: least(parts), degrees: fewest };
  const sum = parts.reduce((total, { variance }) => total + variance, 0);
  const known = Math.max(sum, least(positive));
  const satterthwaite = known ** 2 / positive.reduce((total, part) => total + part.variance ** 2 / part.degrees, 0);
  return { variance: Math.max(sum, least(parts)), degrees: Math.max(satterthwaite, fewest) };
}

/** Sorted deviations of the resampled estimate from its mean: architectures per table, retrainings jointly. */
function resampledDeviations(tables: readonly SignedTable[], resamples: number, seed: number): Float64Array {
  const random = new Random(seed, "bootstrap");
  const retrainings = tables[0].values[0].length;
  const weights = new Float64Array(retrainings);
  const estimates = new Float64Array(resamples);
  for (let b = 0; b < resamples; b++) {
    weights.fill(0);
    for (let r = 0; r < retrainings; r++) weights[random.integer(retrainings)] += 1 / retrainings;
    let estimate = 0;
    for (const { sign, values } of tables) {
      let sum = 0;
      for (let s = 0; s < values.length; s++) {
        const row = values[random.integer(values.length)];
        for (let r = 0; r < retrainings; r++) sum += weights[r] * row[r];
      }
      estimate += (sign * sum) / values.length;
    }
    estimates[b] = estimate;
  }
  const centre = mean(Array.from(estimates));
  return estimates.map((estimate) => estimate - centre).sort();
}

/**
 * A confidence interval of the signed sum of the tables' grand means, by a hierarchical bootstrap calibrated for few seeds.
 *
 * Resampling draws architectures (rows) with replacement within each table, and retrainings (columns) with replacement
 * for all tables at once, because they are shared. Its plain percentiles are far too narrow at 5 to 10 seeds (83 to
 * 92 % coverage in simulations, as a spread among n things comes out (n-1)/n too small and its own uncertainty is
 * ignored), so the deviations are stretched by `(SE / SE_bootstrap) * (t / z)`:
 * `SE^2 = sum over tables [MS(rows)/S - MS(interaction)/(S R)] + MS(columns)/R` is the unbiased variance of the estimate
 * under crossed random effects, at least its largest term, and `t` is Student's quantile with Satterthwaite's degrees
 * of freedom. The shape, and so the asymmetry, stays the bootstrap's; that of tails with fewer than ten resamples each is taken
 * from those with ten.
 *
 * Coverage of 95 % intervals in simulations with 5, 10 and 20 searches, 5 and 10 retrainings, a control that is paired,
 * has 24 architectures or only one: 93 to 97 %. Outside that: up to 99 % when neither architectures nor retrainings
 * differ beyond noise (the interval is then too wide), and 89 to 92 % when almost all variance lies between the 5
 * architectures of one arm and is as skewed as an exponential distribution.
 *
 * A table with one row counts that architecture as fixed; with one retraining the interval is for that retraining (its examples and draw) alone.
 * Where nothing is replicated, or all values of an arm are the same although arms differ, the interval is the whole line.
 */
export function bootstrapInterval(
  estimate: number,
  tables: readonly SignedTable[],
  { level = 0.95, resamples = 10_000, seed = 0 }: BootstrapOptions = {},
): Interval {
  if (!(level > 0 && level < 1)) throw new TwotempError("statistics/level", `level must be in (0, 1), got ${level}`);
  if (!Number.isInteger(resamples) || resamples < 1000 || resamples > 1e7) {
    throw new TwotempError(
      "statistics/resamples",
      `resamples must be a whole number from 1000 to 10^7, got ${resamples}`,
    );
  }
  const unknown = { low: -Infinity, high: Infinity, p: 1, standardError: Infinity, degrees: 0 };
  const spread = varianceOfMean(tables);
  if (!spread) return unknown;
  const standardError = Math.sqrt(spread.variance);
  const degrees = spread.degrees;
  const deviations = resampledDeviations(tables, resamples, seed);
  const resampledError = Math.sqrt(deviations.reduce((sum, deviation) => sum + deviation ** 2, 0) / resamples);
  // Rounding alone is no spread, and no effect: equal values leave nothing to resample.
  let largest = 0;
  for (const { values } of tables)
    for (const row of values) for (const value of row) largest = Math.max(largest, Math.abs(value));
  const rounding = 1e-12 * largest;
  if (resampledError <= rounding) {
    return Math.abs(estimate) <= rounding ? { low: 0, high: 0, p: 1, standardError, degrees } : unknown;
  }
  const sorted = Array.from(deviations);
  const ends = (tails: number): readonly [number, number] => {
    const resolved = Math.max(tails, 20 / resamples);
    const stretch =
      ((standardError / resampledError) * studentQuantile(tails, degrees)) / studentQuantile(resolved, nearlyNormal);
    return [
      estimate + stretch * quantileSorted(sorted, resolved / 2),
      estimate + stretch * quantileSorted(sorted, 1 - resolved / 2),
    ];
  };
  const [low, high] = ends(1 - level);
  let inside = 1e-12;
  let outside = 1 - 1e-9;
  for (let i = 0; i < 50; i++) {
    const tails = Math.sqrt(inside * outside);
    const [from, to] = ends(tails);
    if (from <= 0 && to >= 0) inside = tails;
    else outside = tails;
  }
  return { low, high, p: outside, standardError, degrees };
}
