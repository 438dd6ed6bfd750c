import * as tf from "@tensorflow/tfjs";
import { softmaxCrossEntropy } from "../engine/index.js";
import { type Batch, differentiate } from "../search/objective.js";
import { forwardSlots, type SearchSpace } from "../space/index.js";
import type { Baseline } from "./baseline.js";
import { gateSums, withoutWeights } from "./gateSums.js";
import { pruneAtStart } from "./saliency.js";

/** Logits are divided by this, so that the softmax of an untrained model is smooth. */
const temperature = 200;

/** How far the weights are moved along the gradient, relative to their norm, to difference it. */
const difference = 0.01;

/** Gradients of the smoothed loss with respect to the trainable weights; zero for the others. */
function gradients({ plan }: SearchSpace, weights: readonly tf.Tensor[], batch: Batch): tf.Tensor[] {
  const loss = (values: readonly tf.Tensor[]): tf.Scalar => {
    const [logits] = forwardSlots(plan, [], values, [], [batch.inputs], { logits: true });
    return softmaxCrossEntropy(batch.labels, tf.div(logits, temperature) as tf.Tensor2D);
  };
  const noGates = tf.tensor1d([]);
  const { weightGradients } = differentiate({ ...plan, gateCount: 0 }, [], weights, noGates, loss, true);
  let next = 0;
  return plan.weights.map((spec, w) => (spec.trainable ? weightGradients[next++] : tf.zerosLike(weights[w])));
}

/**
 * GraSP's score of every weight, `w (H g)`, with `g` the gradient and `H` the Hessian of the loss, summed over the weights
 * of each gate: how much gradient flow, `|g|^2 / 2`, is lost to first order when they are removed. `H g` is a central
 * difference of gradients along `g`.
 *
 * @param weights - one tensor a weight of the plan
 * @returns [gateCount]
 */
export function graspScores(space: SearchSpace, weights: readonly tf.Tensor[], batch: Batch): Float64Array {
  const scores = tf.tidy(() => {
    const norm = (tensors: readonly tf.Tensor[]): number =>
      Math.sqrt(tensors.reduce((sum, tensor) => sum + tf.sum(tf.square(tensor)).dataSync()[0], 0));
    const gradient = gradients(space, weights, batch);
    const step = (difference * norm(weights)) / Math.max(norm(gradient), Number.MIN_VALUE);
    const moved = (by: number): tf.Tensor[] =>
      gradients(
        space,
        weights.map((weight, w) => tf.add(weight, tf.mul(gradient[w], by))),
        batch,
      );
    const [ahead, behind] = [moved(step), moved(-step)];
    return weights.map((weight, w) =>
      tf.div(tf.mul(weight, tf.sub(ahead[w], behind[w])), 2 * step).dataSync<"float32">(),
    );
  });
  return gateSums(space, scores);
}

/**
 * GraSP: keeps the gates without which the untrained model would lose most of its gradient flow.
 *
 * Source: Wang, Zhang, Grosse, Picking winning tickets before training by preserving gradient flow, 2020.
 */
export const grasp: Baseline = {
  name: "grasp",
  label: "GraSP",
  refuses: withoutWeights,
  candidates: pruneAtStart("grasp", ({ space }, weights, batch) => graspScores(space, weights, batch)),
};
