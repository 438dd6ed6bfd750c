import { Random } from "../engine/index.js";
import { relaxationSettings, type RelaxationSettings } from "../relaxation/index.js";
import { ReferenceRelaxation } from "../relaxation/referenceRelaxation.js";
import { certificate } from "./certificate.js";

/** The sequence that uses most of a bound, as far as a search found. */
export interface WorstCase {
  /** Regret over bound, at the worst comparator. */
  readonly ratio: number;
  readonly settings: RelaxationSettings;
  /** `g_0, ..., g_{T-1}` */
  readonly gradients: Float64Array;
}

/**
 * Looks for the gradients, temperatures, box, start and step size that use most of the regret bound.
 *
 * The inequality is a sum over gates, so that no number of gates is worse than the worst single one: one gate is searched,
 * by an evolution strategy with one parent and one child whose step adapts (a fifth of the children succeed).
 *
 * @param options.steps - length of the sequence; default 20
 * @param options.evaluations - sequences looked at; default 5000
 * @returns the worst found; a ratio above 1 would refute the theorem or the code
 * @example
 * ```ts
 * worstCase({ update: "mirror", seed: 1 }).ratio; // near 1: the bound can't be improved by much
 * ```
 * Source: Theorems 1 and 8 of this project's method notes (docs/theory.md).
 */
export function worstCase(options: {
  readonly update: "mirror" | "euler" | "adaptive";
  readonly steps?: number;
  readonly evaluations?: number;
  readonly seed?: number;
}): WorstCase {
  const { update, steps = 20, evaluations = 5000, seed = 0 } = options;
  const random = new Random(seed, "worst case", update, steps);
  // Step size, ratio of temperatures, box over hot temperature, start over box; then the gradients.
  let parent = Float64Array.from({ length: 4 + steps }, () => random.normal());
  let worst = attempt(parent, update);
  let spread = 0.5;
  for (let evaluation = 1; evaluation < evaluations; evaluation++) {
    const child = parent.map((x) => x + spread * random.normal());
    const found = attempt(child, update);
    if (found.ratio > worst.ratio) {
      [parent, worst] = [child, found];
      spread = Math.min(2, spread * 1.5);
    } else {
      spread = Math.max(1e-4, spread * 0.9036);
    }
  }
  return worst;
}

function attempt(genes: Float64Array, update: "mirror" | "euler" | "adaptive"): WorstCase {
  const squashed = (x: number): number => 1 / (1 + Math.exp(-x));
  // Only the ratio of the temperatures matters: the hot one is 1.
  const coldTemperature = 10 ** (-2 * squashed(genes[1]));
  const logitBound = 10 ** (-1 + 1.8 * squashed(genes[2]));
  const settings = relaxationSettings({
    gateCount: 1,
    update,
    coldTemperature,
    hotTemperature: 1,
    logitBound,
    stepSize: coldTemperature * 10 ** Math.max(-6, Math.min(6, 2 * genes[0])),
    initialLogits: [logitBound * Math.tanh(genes[3])],
  });
  const relaxation = new ReferenceRelaxation(settings);
  const gradients = genes.slice(4);
  for (const g of gradients) relaxation.stepValues(Float64Array.of(g));
  const { atWorst } = certificate(relaxation.accumulators(), settings, [1]);
  // A bound that rounding is more than is no worst case.
  return { ratio: atWorst.ratio ?? 0, settings, gradients };
}
