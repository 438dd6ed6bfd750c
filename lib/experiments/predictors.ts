import { linearRegression, linearRegressionLine, mean } from "simple-statistics";
import { bootstrapInterval } from "../statistics/bootstrap.js";
import type { EffectOf } from "./findings.js";

/** How much of their gates the architectures of two sources share, a row of the table of overlaps. */
export interface OverlapOf {
  readonly source: string;
  readonly other_source: string;
  readonly shared: number;
  readonly chance: number;
}

/** How well transfer to pairs that were held out is foretold. */
export interface Prediction {
  readonly predictor: "mean of the other pairs" | "lead on the source itself" | "overlap of source and target";
  /** Mean absolute error over the held-out pairs, in points. */
  readonly error: number;
  /** Error of the mean of the other pairs minus this one's, with its 95 % interval over pairs: above zero it is the better one. */
  readonly gain: number;
  readonly low: number;
  readonly high: number;
  readonly pairs: number;
}

/**
 * Foretells the lead over a control for every pair of different source and target from the other pairs, by a line on what is
 * known of the pair beforehand: the same lead with the source as its own target, or how many more gates architectures of
 * source and target share than by chance. The mean of the other pairs stands beside them.
 *
 * A pair is held out one at a time; other pairs of its source or target stay in, so this judges new pairs of known data
 * sets, and the intervals take the pairs as independent, which makes them too narrow rather than too wide.
 *
 * @param effects - rows of one setting: one control, one number of shots, each source with each target, itself included
 * @param overlaps - of the same sources
 * @returns a prediction a predictor; none of fewer than two pairs
 * @example
 * ```ts
 * predictions(effects.filter(({ control }) => control === "random-varying"), overlaps);
 * ```
 */
export function predictions(effects: readonly EffectOf[], overlaps: readonly OverlapOf[]): Prediction[] {
  const own = new Map(effects.filter(({ source, target }) => source === target).map((row) => [row.source, row.effect]));
  const extra = new Map<string, number>();
  for (const { source, other_source: other, shared, chance } of overlaps) {
    extra.set(`${source} ${other}`, shared - chance);
    extra.set(`${other} ${source}`, shared - chance);
  }
  const pairs = effects.flatMap(({ source, target, effect }) => {
    const [self, overlap] = [own.get(source), extra.get(`${source} ${target}`)];
    return source === target || self === undefined || overlap === undefined ? [] : [{ effect, self, overlap }];
  });
  if (pairs.length < 2) return [];
  const errors = (foretell: (others: typeof pairs) => (pair: (typeof pairs)[number]) => number): number[] =>
    pairs.map((pair) => Math.abs(foretell(pairs.filter((other) => other !== pair))(pair) - pair.effect));
  const line = (known: "self" | "overlap"): number[] =>
    errors((others) => {
      const at = linearRegressionLine(linearRegression(others.map((other) => [other[known], other.effect])));
      return (pair) => at(pair[known]);
    });
  const plain = errors((others) => () => mean(others.map(({ effect }) => effect)));
  const all: [Prediction["predictor"], number[]][] = [
    ["mean of the other pairs", plain],
    ["lead on the source itself", line("self")],
    ["overlap of source and target", line("overlap")],
  ];
  return all.map(([predictor, found]) => {
    const gains = found.map((error, i) => plain[i] - error);
    const gain = mean(gains);
    const rows = gains.map((value) => Float64Array.of(value));
    const { low, high } = bootstrapInterval(gain, [{ sign: 1, values: rows }]);
    return { predictor, error: mean(found), gain, low, high, pairs: pairs.length };
  });
}
