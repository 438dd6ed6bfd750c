import type { SearchSpace } from "../space/index.js";
import { type Baseline, type BaselineContext, type Candidate, onlyKinds } from "./baseline.js";
import { gateSums, withoutWeights } from "./gateSums.js";
import { inputDeviations } from "./inputDeviations.js";
import { keepAtCost } from "./keepAtCost.js";

/**
 * The size of what each gate switches in a trained model: `|w|` for a weight; for an input or a unit, the Euclidean
 * norm of all weights that read it.
 */
export function magnitudes(space: SearchSpace, weights: readonly Float32Array[]): Float64Array {
  const squares = weights.map((values) => Float64Array.from(values, (value) => value * value));
  return gateSums(space, squares).map(Math.sqrt);
}

async function prune(
  { space, learned, trained }: BaselineContext,
  method: string,
  score: (magnitudes: Float64Array) => Float64Array = (scores) => scores,
): Promise<Required<Pick<Candidate, "architecture" | "weights">>[]> {
  const candidates = [];
  for (const [i, matched] of learned.entries()) {
    const weights = await trained.model(i);
    const architecture = keepAtCost(space, score(magnitudes(space, weights)), matched, { method, number: i });
    candidates.push({ architecture, weights });
  }
  return candidates;
}

/** Train the full model on the source, keep what is largest, re-initialise. */
export const magnitude: Baseline = {
  name: "magnitude",
  label: "magnitude, re-initialised",
  refuses: withoutWeights,
  candidates: async (context) => (await prune(context, "magnitude")).map(({ architecture }) => ({ architecture })),
};

/** Train the full model on the source, keep what is largest, and the trained weights with it. */
export const magnitudeKept: Baseline = {
  name: "magnitude-kept",
  label: "magnitude, weights kept",
  refuses: withoutWeights,
  candidates: (context) => prune(context, "magnitude-kept"),
};

/** As magnitude, times the standard deviation of each input: what the input contributes rather than its weights. */
export const magnitudeDeviation: Baseline = {
  name: "magnitude-deviation",
  label: "magnitude × input deviation",
  refuses: (space) => (onlyKinds(space, "input") ? withoutWeights(space) : "the deviation is that of the inputs"),
  candidates: async (context) => {
    const deviations = inputDeviations(context.source);
    const contribution = (scores: Float64Array): Float64Array => scores.map((score, i) => score * deviations[i]);
    const pruned = await prune(context, "magnitude-deviation", contribution);
    return pruned.map(({ architecture }) => ({ architecture }));
  },
};
