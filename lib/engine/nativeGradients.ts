import * as tf from "@tensorflow/tfjs";
import { allFloat, attribute, type AttributeMaker, execute, type NativeBackend, nativeBackend } from "./native.js";

type Attributes = Readonly<Record<string, unknown>>;

/** Gradients of one kernel, by input, from the gradient of its output and from what the forward pass saved. */
type NativeGradient = (
  backend: NativeBackend,
  dy: tf.Tensor,
  saved: readonly tf.Tensor[],
  attributes: Attributes,
) => Record<string, () => tf.Tensor>;

interface Replacement {
  readonly gradient: NativeGradient;
  /** Whether the native op can take what was saved; by default, when all of it is float32. */
  readonly fits?: (saved: readonly tf.Tensor[]) => boolean;
  /** What the forward pass keeps, where that isn't what the composed gradient keeps; the composed one must do with it. */
  readonly keep?: { inputsToSave: string[]; outputsToSave: boolean[] };
}

const T: AttributeMaker = attribute.float32("T");

/** An elementwise gradient op of `dy` and the last tensor saved, in either order. */
function elementwise(
  op: string,
  order: "dy first" | "saved first",
  more: (attributes: Attributes) => AttributeMaker[] = () => [],
): NativeGradient {
  return (backend, dy, saved, attributes) => {
    const kept = saved[saved.length - 1];
    const inputs = order === "dy first" ? [dy, kept] : [kept, dy];
    return { x: () => execute(backend, op, [T, ...more(attributes)], inputs)[0] };
  };
}

/**
 * Batch normalisation with given statistics: one op gives the gradients of input, scale and offset, from which those of
 * the statistics follow as small vectors, with r = 1 / sqrt(variance + epsilon):
 *
 *     d mean = -scale r d offset,   d variance = -scale r^2 d scale / 2.
 */
const batchNorm: NativeGradient = (backend, dy, [x, mean, variance, scale], { varianceEpsilon }) => {
  const [dx, dScale, dOffset] = execute(
    backend,
    "FusedBatchNormGradV3",
    [
      T,
      attribute.float32("U"),
      attribute.float("epsilon", varianceEpsilon as number),
      attribute.string("data_format", "NHWC"),
      attribute.bool("is_training", false),
    ],
    [dy, x, scale, mean, variance, mean],
    5,
    3,
  );
  const inverse = tf.rsqrt(tf.add(variance, varianceEpsilon as number));
  return {
    x: () => dx,
    scale: () => dScale,
    offset: () => dOffset,
    mean: () => tf.neg(tf.mul(tf.mul(scale, inverse), dOffset)),
    variance: () => tf.mul(tf.mul(scale, tf.square(inverse)), tf.mul(dScale, -0.5)),
  };
};

/** The gradient of a sum over some axes, or of a mean: `dy` is repeated, by an op instead of products with ones. */
const repeated =
  (scale: (x: tf.Tensor, dy: tf.Tensor) => number): NativeGradient =>
  (backend, dy, [x], { axis }) => ({
    x: () => {
      const axes = tf.util.parseAxisParam(axis as number | number[], x.shape);
      const shape = x.shape.map((extent, i) => (axes.includes(i) ? 1 : extent));
      const factor = scale(x, dy);
      const narrow = tf.reshape(factor === 1 ? dy : tf.mul(dy, factor), shape);
      const to = tf.tensor1d(x.shape, "int32");
      return execute(backend, "BroadcastTo", [T, attribute.int32("Tidx")], [narrow, to])[0];
    },
  });

const outputOnly = { inputsToSave: [], outputsToSave: [true] };

const replacements: Readonly<Record<string, Replacement>> = {
  // relu(x) > 0 exactly where x > 0, so that x itself needn't be kept.
  [tf.Relu]: { gradient: elementwise("ReluGrad", "dy first"), keep: outputOnly },
  [tf.Relu6]: { gradient: elementwise("Relu6Grad", "dy first") },
  [tf.LeakyRelu]: {
    gradient: elementwise("LeakyReluGrad", "dy first", ({ alpha }) => [attribute.float("alpha", alpha as number)]),
  },
  [tf.Selu]: {
    gradient: elementwise("SeluGrad", "dy first"),
    keep: { inputsToSave: ["x"], outputsToSave: [true] },
  },
  [tf.Sigmoid]: { gradient: elementwise("SigmoidGrad", "saved first") },
  [tf.Tanh]: { gradient: elementwise("TanhGrad", "saved first") },
  [tf.Sum]: { gradient: repeated(() => 1) },
  [tf.Mean]: { gradient: repeated((x, dy) => dy.size / x.size) },
  [tf.FusedBatchNorm]: {
    gradient: batchNorm,
    fits: (saved) => saved[1].rank === 1 && allFloat(saved),
  },
};

let replaced = false;

/**
 * Replaces the gradients that TensorFlow.js composes slowly by TensorFlow's own ops, for every model of this process:
 * activations, batch normalisation, sums and means. On other backends the composed ones go on running.
 */
export function useNativeGradients(): void {
  if (replaced) return;
  replaced = true;
  for (const [kernelName, { gradient, fits = allFloat, keep }] of Object.entries(replacements)) {
    const composed = tf.getGradient(kernelName);
    tf.unregisterGradient(kernelName);
    tf.registerGradient({
      ...composed,
      ...keep,
      gradFunc: (dy, saved, attributes) => {
        const backend = nativeBackend();
        if (!backend || !fits(saved)) return composed.gradFunc(dy, saved, attributes);
        return gradient(backend, dy as tf.Tensor, saved, attributes);
      },
    });
  }
}
