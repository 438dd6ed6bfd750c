import { mean } from "simple-statistics";
import { TwotempError } from "../errors.js";
import { bootstrapInterval, type BootstrapOptions, type Interval } from "./bootstrap.js";
import { tabulate, type Measurement, type Table } from "./table.js";

export interface EffectOptions extends BootstrapOptions {
  /**
   * Whether the control's architecture of a search seed belongs to the learned one of that seed (its shuffled copy, or a
   * random one of its exact cost). Left out: true when both arms have the same search seeds; pairing architectures that
   * don't belong together is valid too, it only costs degrees of freedom.
   */
  readonly paired?: boolean;
}

/** The mean difference of two arms. */
export interface Effect extends Interval {
  /** Mean of the learned arm minus mean of the control, in the unit of the values. */
  readonly effect: number;
  /** Number of learned architectures. */
  readonly searches: number;
  /** Number of retrainings of each. */
  readonly retrainings: number;
  readonly paired: boolean;
}

/** The mean of one arm. */
export interface Average extends Interval {
  readonly mean: number;
  readonly searches: number;
  readonly retrainings: number;
}

const grandMean = (table: Table): number => mean(table.values.map((row) => mean(Array.from(row))));
const same = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((x, i) => x === b[i]);

/**
 * How much better the learned architectures are than a control, with a bootstrap interval.
 *
 * `effect = mean over (s, r) of learned[s][r] - mean over (s', r) of control[s'][r]`. Both arms are retrained with the same
 * seeds r (same shots, same order, same initial draws), so that what a retraining adds to both cancels. For the
 * interval see `bootstrapInterval`.
 *
 * @param learned - values of the learned architectures, each retrained with every retraining seed; several values of a
 *   cell are averaged
 * @param control - the same of the control; any number of architectures, the same retraining seeds
 * @param options - level (0.95), resamples (10,000), seed (0), paired
 * @returns the effect, its interval and p-value, and the numbers of searches and retrainings behind it
 * @throws TwotempError `statistics/unbalanced` when a cell is empty or the retrainings differ; `statistics/value`;
 *   `statistics/empty`; `statistics/paired` when pairs are asked for and the search seeds differ
 * @example
 * ```ts
 * const { effect, low, high } = effect(rowsOf("learned"), rowsOf("shuffled"));
 * ```
 * Source: hierarchical bootstrap of crossed factors after Owen, "The pigeonhole bootstrap", Annals of Applied Statistics
 * 2007; degrees of freedom after Satterthwaite, Biometrics Bulletin 1946.
 */
export function effect(
  learned: readonly Measurement[],
  control: readonly Measurement[],
  options: EffectOptions = {},
): Effect {
  const a = tabulate(learned, "learned");
  const b = tabulate(control, "control");
  if (!same(a.retrainings, b.retrainings)) {
    throw new TwotempError(
      "statistics/unbalanced",
      `the arms need the same retrainings: learned has ${a.retrainings.join(", ")}, control has ${b.retrainings.join(", ")}`,
    );
  }
  const pairs = same(a.searches, b.searches);
  const paired = options.paired ?? pairs;
  if (paired && !pairs) {
    throw new TwotempError(
      "statistics/paired",
      `pairs need the same search seeds: learned has ${a.searches.join(", ")}, control has ${b.searches.join(", ")}`,
    );
  }
  const difference = grandMean(a) - grandMean(b);
  const tables = paired
    ? [{ sign: 1, values: a.values.map((row, s) => row.map((value, r) => value - b.values[s][r])) }]
    : [
        { sign: 1, values: a.values },
        { sign: -1, values: b.values },
      ];
  const interval = bootstrapInterval(difference, tables, options);
  // Rounding is taken off an interval that is a point.
  const size = interval.low === interval.high ? interval.low : difference;
  return { effect: size, ...interval, searches: a.searches.length, retrainings: a.retrainings.length, paired };
}

/**
 * The mean of one arm, with a bootstrap interval over architectures and retrainings.
 *
 * @param rows - values of the arm, each architecture retrained with every retraining seed
 * @param options - level (0.95), resamples (10,000), seed (0)
 * @returns the mean and its interval; `p` is that of a mean of zero
 * @throws as {@link effect}
 * @example
 * ```ts
 * const { mean, low, high } = average(rowsOf("learned"));
 * ```
 * Source: as {@link effect}.
 */
export function average(rows: readonly Measurement[], options: BootstrapOptions = {}): Average {
  const table = tabulate(rows, "the arm");
  const centre = grandMean(table);
  const interval = bootstrapInterval(centre, [{ sign: 1, values: table.values }], options);
  return { mean: centre, ...interval, searches: table.searches.length, retrainings: table.retrainings.length };
}
