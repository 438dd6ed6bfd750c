import type { Plan } from "../space/index.js";
import type { RetrainingJob } from "./retrain.js";

/** The weights of a model's head: those of the last layer that has any. */
export function headWeights(plan: Plan): ReadonlySet<number> {
  return new Set(plan.calls.findLast(({ weights }) => weights.length > 0)?.weights);
}

/**
 * Where a retraining starts, in the full shapes of the architecture's space: fresh draws, or the job's own weights with a
 * freshly drawn head.
 */
export function startingWeights({ architecture, draw, weights }: RetrainingJob): readonly Float32Array[] {
  const drawn = architecture.initialise(...draw);
  if (!weights) return drawn;
  const head = headWeights(architecture.space.plan);
  return drawn.map((values, w) => (head.has(w) ? values : weights[w]));
}
