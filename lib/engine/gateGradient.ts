import type * as tf from "@tensorflow/tfjs";
import { attribute, execute, ownKernels } from "./native.js";

/**
 * The gradient of gates on weights, layer after layer: `G W f`, from the gradients `G` of the masked weights, the weights `W` and a
 * factor `f` a layer; by the project's own op in one pass over them.
 *
 * @returns [gateCount], or undefined where there is no such op
 */
export function gateGradientOfWeights(
  gradients: readonly tf.Tensor[],
  weights: readonly tf.Tensor[],
  factors: readonly tf.Tensor[],
): tf.Tensor1D | undefined {
  const native = ownKernels();
  if (!native) return undefined;
  const inputs = [...gradients, ...weights, ...factors];
  return execute(native, "TwotempGateGradient", [attribute.int("layers", gradients.length)], inputs)[0] as tf.Tensor1D;
}
