import * as tf from "@tensorflow/tfjs";
import { type Batch, crossEntropy, differentiate } from "../search/objective.js";
import { gateSlots, type SearchSpace } from "../space/index.js";
import type { Baseline } from "./baseline.js";
import { pruneAtStart } from "./saliency.js";

/**
 * SNIP's connection sensitivity: `|dL/da|` of the loss on a batch, for every gate at 1; for a weight's gate that is
 * `|w dL/dw|`.
 *
 * @param weights - one tensor a weight of the plan
 * @returns [gateCount]
 */
export function snipScores(
  { plan, gateCount }: SearchSpace,
  weights: readonly tf.Tensor[],
  batch: Batch,
): Float64Array {
  const gradient = tf.tidy(() => {
    const slots = gateSlots(plan);
    // Dropout is left out: the model is judged as it is.
    const loss = crossEntropy(plan, slots, batch, {});
    return differentiate(plan, slots, weights, tf.ones([gateCount]), loss, false).gateGradient;
  });
  const sensitivities = Float64Array.from(gradient.dataSync<"float32">(), Math.abs);
  gradient.dispose();
  return sensitivities;
}

/**
 * SNIP: keeps the gates to which the loss of the untrained model is most sensitive.
 *
 * Source: Lee, Ajanthan, Torr, SNIP: single-shot network pruning based on connection sensitivity, 2019.
 */
export const snip: Baseline = {
  name: "snip",
  label: "SNIP",
  refuses: () => undefined,
  candidates: pruneAtStart("snip", ({ space }, weights, batch) => snipScores(space, weights, batch)),
};
