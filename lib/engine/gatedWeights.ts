import type * as tf from "@tensorflow/tfjs";
import { attribute, execute, ownKernels } from "./native.js";

/** Weights as gates mask them, and the factor that was applied, one a layer. */
export interface MaskedWeights {
  readonly masked: readonly tf.Tensor[];
  readonly factors: readonly tf.Tensor[];
}

/**
 * Weights masked by gates, which lie one layer after the other: `W a f` with the factor `f = sqrt(1 / mean(a))` of the layer (of at
 * least one gate's worth), by the project's own op, which makes no vector but these.
 *
 * @param gates - as many as there are weights
 * @returns undefined where there is no such op
 */
export function maskedWeights(gates: tf.Tensor1D, weights: readonly tf.Tensor[]): MaskedWeights | undefined {
  const native = ownKernels();
  if (!native) return undefined;
  const layers = weights.length;
  const made = execute(
    native,
    "TwotempMaskedWeights",
    [attribute.int("layers", layers)],
    [gates, ...weights],
    2 * layers,
  );
  return { masked: made.slice(0, layers), factors: made.slice(layers) };
}

/** Gradients of gates on weights, [gateCount], and of the weights, one a layer. */
export interface GateGradient {
  readonly ofGates: tf.Tensor1D;
  readonly ofWeights: readonly tf.Tensor[];
}

/**
 * The gradients of gates on weights and of the weights, `G W f` and `G a f`, from the gradients `G` of the masked weights, in one pass
 * over them.
 *
 * @param factors - those of {@link maskedWeights}
 * @param wantWeights - whether the weights' gradients are wanted, too
 */
export function gateGradientOfWeights(
  gates: tf.Tensor1D,
  gradients: readonly tf.Tensor[],
  weights: readonly tf.Tensor[],
  factors: readonly tf.Tensor[],
  wantWeights: boolean,
): GateGradient {
  const layers = weights.length;
  const trained = wantWeights ? layers : 0;
  const attributes = [attribute.int("layers", layers), attribute.int("trained", trained)];
  const inputs = [gates, ...gradients, ...weights, ...factors];
  const [ofGates, ...ofWeights] = execute(ownKernels()!, "TwotempGateGradient", attributes, inputs, 1 + trained);
  return { ofGates: ofGates as tf.Tensor1D, ofWeights };
}
