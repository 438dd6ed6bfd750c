import * as tf from "@tensorflow/tfjs";
import { compiled } from "../engine/compiled.js";
import { TwotempError } from "../errors.js";
import { foldBatchNorm } from "./fold.js";
import { makeSparse } from "./sparseLayer.js";

/** What {@link predictor} returns. */
export interface Predictor {
  /**
   * The network's outputs for one batch, in inference mode.
   *
   * @param inputs - one tensor for each input of the model, [batch, ...]
   * @returns one tensor for each output; the caller disposes of them
   * @throws TwotempError `space/inputs` for other inputs than the model's, or after `dispose()`
   */
  predict(...inputs: tf.Tensor[]): tf.Tensor[];
  /** Frees the weights. */
  dispose(): void;
}

const shapeText = (shape: readonly (number | null)[]): string =>
  `[${shape.map((size, axis) => size ?? (axis === 0 ? "batch" : "any")).join(", ")}]`;

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
  const { inputs: expected } = folded;
  const count = expected.length;
  let disposed = false;
  const check = (inputs: readonly tf.Tensor[]): void => {
    if (disposed) throw new TwotempError("space/inputs", "the predictor has been disposed of: make another");
    const fits = expected.every(({ shape }, i) => {
      const given = inputs[i] instanceof tf.Tensor ? inputs[i].shape : [];
      return (
        given.length === shape.length &&
        shape.every((size, axis) => axis === 0 || size === null || size === given[axis])
      );
    });
    if (fits && inputs.length === count) return;
    const given = inputs.map((input) => (input instanceof tf.Tensor ? shapeText(input.shape) : "no tensor"));
    const shapes = expected.map(({ shape }) => shapeText(shape));
    throw new TwotempError(
      "space/inputs",
      `predict takes ${shapes.join(" and ")}, got ${given.join(" and ") || "nothing"}`,
    );
  };
  // The weights are inputs of the function, so that they can be freed; the layers find them where they always are.
  const run = compiled((...given) => {
    const outputs = folded.apply(count === 1 ? given[0] : given.slice(0, count)) as tf.Tensor | tf.Tensor[];
    return Array.isArray(outputs) ? outputs : [outputs];
  });
  return {
    predict: (...inputs) => {
      check(inputs);
      return run(...inputs, ...weights);
    },
    // Not the model, which leaves the weights of a layer that it calls twice.
    dispose: () => {
      disposed = true;
      tf.dispose(weights);
      for (const layer of sparse) layer.dispose();
    },
  };
}
