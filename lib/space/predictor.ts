import * as tf from "@tensorflow/tfjs";
import { compiled } from "../engine/compiled.js";
import { foldBatchNorm } from "./fold.js";
import { makeSparse } from "./sparseLayer.js";

/** What {@link predictor} returns. */
export interface Predictor {
  /**
   * The network's outputs for one batch, in inference mode.
   *
   * @param inputs - one tensor for each input of the model, [batch, ...]
   * @returns one tensor for each output; the caller disposes of them
   */
  predict(...inputs: tf.Tensor[]): tf.Tensor[];
  /** Frees the weights. */
  dispose(): void;
}

/**
 * The network for inference only, as fast as it goes: batch normalisation is moved into the layers before it
 * ({@link foldBatchNorm}), and natively the whole network runs as one function, in which TensorFlow joins convolutions
 * with their bias and activation, and layers of which at most 5 % of the weights are left multiply only those. The
 * outputs are those of `model.predict`, up to rounding.
 *
 * The first batch of each shape takes longer: the function is made then. The weights are copied as they are now.
 *
 * @param model - any LayersModel; it isn't changed
 * @returns what predicts, with weights of its own
 * @example
 * ```ts
 * const fast = predictor(architecture.compact(weights));
 * const [logits] = fast.predict(images);
 * ```
 */
export function predictor(model: tf.LayersModel): Predictor {
  const folded = foldBatchNorm(model);
  const sparse = folded.layers.flatMap((layer) => {
    const made = layer.weights.length > 0 ? makeSparse(layer, layer.weights[0].read().dataSync(), true) : undefined;
    return made ? [made] : [];
  });
  const weights = [
    ...folded.layers.flatMap((layer) => layer.weights.map((weight) => weight.read())),
    ...sparse.map(({ values }) => values!),
  ];
  const count = folded.inputs.length;
  // The weights are inputs of the function, so that they can be freed; the layers find them where they always are.
  const run = compiled((...given) => {
    const outputs = folded.apply(count === 1 ? given[0] : given.slice(0, count)) as tf.Tensor | tf.Tensor[];
    return Array.isArray(outputs) ? outputs : [outputs];
  });
  return {
    predict: (...inputs) => run(...inputs, ...weights),
    // Not the model, which leaves the weights of a layer that it calls twice.
    dispose: () => {
      tf.dispose(weights);
      for (const layer of sparse) layer.dispose();
    },
  };
}
