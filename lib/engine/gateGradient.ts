import type * as tf from "@tensorflow/tfjs";
import { attribute, execute, ownKernels } from "./native.js";

/** Gradients of gates on weights, [gateCount], and of the weights, one a layer. */
export interface GateGradient {
  readonly ofGates: tf.Tensor1D;
  readonly ofWeights: readonly tf.Tensor[];
}

/**
 * The gradients of gates on weights, layer after layer, and of the weights: `G W f` and `G M`, from the gradients `G` of the masked
 * weights, the weights `W`, a factor `f` a layer and the masks `M`; by the project's own op in one pass over them.
 *
 * @param masks - one a layer, or none if the weights' gradients aren't wanted
 * @returns undefined where there is no such op
 */
export function gateGradientOfWeights(
  gradients: readonly tf.Tensor[],
  weights: readonly tf.Tensor[],
  factors: readonly tf.Tensor[],
  masks: readonly tf.Tensor[],
): GateGradient | undefined {
  const native = ownKernels();
  if (!native) return undefined;
  const attributes = [attribute.int("layers", gradients.length), attribute.int("trained", masks.length)];
  const inputs = [...gradients, ...weights, ...factors, ...masks];
  const [ofGates, ...ofWeights] = execute(native, "TwotempGateGradient", attributes, inputs, 1 + masks.length);
  return { ofGates: ofGates as tf.Tensor1D, ofWeights };
}
