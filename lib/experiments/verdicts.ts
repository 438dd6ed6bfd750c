import { type EffectOf, findings } from "./findings.js";

/** A finding as a row of a table. */
export interface Verdict {
  readonly pair: string;
  readonly claim: string;
  readonly control: string;
  readonly effect: number;
  readonly low: number;
  readonly high: number;
  readonly pHolm: number | null;
  readonly verdict: string;
}

/**
 * What a table of effects says about an experiment's hypothesis, as a table to show: each part of the hypothesis beside
 * the row that could refute it.
 *
 * @param name - of the experiment
 * @param rows - its table of effects
 * @returns a row a finding, see {@link findings}
 * @example
 * ```ts
 * await tt.show(tt.verdicts("e1", await tt.readEffects(tt.tablePath("e1"))));
 * ```
 */
export function verdicts(name: string, rows: readonly EffectOf[]): Verdict[] {
  return findings(name, rows).map(({ claim, row, verdict }) => {
    const { source, target, control, effect, low, high, pHolm = null } = row;
    return { pair: `${source} to ${target}`, claim: claim.says, control, effect, low, high, pHolm, verdict };
  });
}
