import * as tf from "@tensorflow/tfjs";
import { ownKernels } from "../engine/native.js";
import { type Moves, sparseConvolution, sparsePlaces } from "../engine/sparseConvolution.js";
import type { SparsePlaces } from "../engine/sparseProduct.js";

/** Up to this part of a kernel, computing with its entries alone was no slower (bench/results/sparsity.md). */
const densest = 0.05;

/** A convolution computes examples side by side: of fewer it is faster with the whole kernel. */
const fewestImages = 16;

/** What TensorFlow.js keeps of a layer with a kernel. */
interface Internals {
  readonly bias?: { read(): tf.Tensor };
  readonly activation: { apply(x: tf.Tensor): tf.Tensor };
  readonly strides: Moves["strides"];
  readonly padding: Moves["padding"];
  readonly dilationRate: Moves["dilations"];
  readonly dataFormat: "channelsFirst" | "channelsLast";
}

/**
 * Makes a dense layer or a two-dimensional convolution compute with the open entries of its kernel alone, where they are few and that
 * is faster. It can be trained as before; closed entries get no gradient.
 *
 * @param open - one number an entry of the kernel, 0 where it is closed: whatever the kernel holds there, it counts as 0
 * @returns what frees the places of the entries; undefined if the layer stays as it is
 */
export function makeSparse(layer: tf.layers.Layer, open: ArrayLike<number>): (() => void) | undefined {
  const kind = layer.getClassName();
  const own = layer as unknown as Internals;
  const isConvolution = kind === "Conv2D" && own.dataFormat !== "channelsFirst";
  if (!ownKernels() || !(isConvolution || kind === "Dense")) return undefined;
  let left = 0;
  for (let i = 0; i < open.length; i++) if (open[i] !== 0) left++;
  if (left === 0 || left > densest * open.length) return undefined;
  const [kernel] = layer.weights;
  const places = sparsePlaces(open, kernel.shape.at(-1)!);
  tf.keep(places.starts);
  tf.keep(places.inputs);
  const whole = layer.call.bind(layer);
  layer.call = (given, options) =>
    tf.tidy(() => {
      const [x] = [given].flat() as tf.Tensor[];
      if (!ownKernels() || (isConvolution && x.shape[0] < fewestImages)) return whole(given, options);
      const { strides, padding, dilationRate: dilations } = own;
      const product = isConvolution
        ? sparseConvolution(x as tf.Tensor4D, kernel.read() as tf.Tensor4D, places, { strides, padding, dilations })
        : denseProduct(x, kernel.read() as tf.Tensor2D, places);
      return own.activation.apply(own.bias ? tf.add(product, own.bias.read()) : product);
    });
  return () => tf.dispose([places.starts, places.inputs]);
}

function denseProduct(x: tf.Tensor, kernel: tf.Tensor2D, places: SparsePlaces): tf.Tensor {
  const [inputs, outputs] = kernel.shape;
  const pixels = tf.reshape(x, [-1, 1, 1, inputs]) as tf.Tensor4D;
  const tap = tf.reshape(kernel, [1, 1, inputs, outputs]) as tf.Tensor4D;
  const product = sparseConvolution(pixels, tap, places, { strides: 1, padding: "valid", dilations: 1 });
  return tf.reshape(product, [...x.shape.slice(0, -1), outputs]);
}
