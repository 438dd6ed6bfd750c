import * as tf from "@tensorflow/tfjs";
import { ownKernels } from "../engine/native.js";
import {
  entriesOf,
  type KernelPlaces,
  type KernelShape,
  kernelPlaces,
  type Moves,
  sparseConvolution,
} from "../engine/sparseConvolution.js";

/** Up to this part of a kernel, computing with its entries alone was no slower (bench/results/sparsity.md). */
const densest = 0.05;

/** A convolution computes examples side by side: of fewer it is faster with the whole kernel. */
const fewestImages = 3;

/** What TensorFlow.js keeps of a layer with a kernel. */
interface Internals {
  readonly bias?: { read(): tf.Tensor };
  readonly activation: { apply(x: tf.Tensor): tf.Tensor };
  readonly strides: Moves["strides"];
  readonly padding: Moves["padding"];
  readonly dilationRate: Moves["dilations"];
  readonly dataFormat: "channelsFirst" | "channelsLast";
}

/** What a layer that computes with few entries of its kernel reads besides its weights. */
export interface SparseLayer {
  /** The entries' values, [entries], where the kernel won't change. */
  readonly values: tf.Tensor1D | undefined;
  /** Frees them, and where the entries are. */
  dispose(): void;
}

/**
 * Makes a dense layer or a two-dimensional convolution compute with the open entries of its kernel alone, where they are few and that
 * is faster. It can be trained as before; closed entries get no gradient.
 *
 * @param open - one number an entry of the kernel, 0 where it is closed: whatever the kernel holds there, it counts as 0
 * @param fixed - whether the kernel stays as it is now
 * @returns undefined if the layer stays as it is
 */
export function makeSparse(layer: tf.layers.Layer, open: ArrayLike<number>, fixed: boolean): SparseLayer | undefined {
  const kind = layer.getClassName();
  const own = layer as unknown as Internals;
  const isConvolution = kind === "Conv2D" && own.dataFormat !== "channelsFirst";
  if (!ownKernels() || !(isConvolution || kind === "Dense")) return undefined;
  let left = 0;
  for (let i = 0; i < open.length; i++) if (open[i] !== 0) left++;
  if (left === 0 || left > densest * open.length) return undefined;
  const [kernel] = layer.weights;
  // A dense layer is a convolution of images of one pixel.
  const places = kernelPlaces(open, (isConvolution ? kernel.shape : [1, 1, ...kernel.shape]) as KernelShape);
  const values = fixed ? entriesOf(kernel.read(), places) : undefined;
  const read = [places.starts, places.inputs, places.positions, ...(values ? [values] : [])];
  for (const tensor of read) tf.keep(tensor);
  const whole = layer.call.bind(layer);
  layer.call = (given, options) =>
    tf.tidy(() => {
      const [x] = [given].flat() as tf.Tensor[];
      if (!ownKernels() || (isConvolution && x.shape[0] < fewestImages)) return whole(given, options);
      const weights = values ?? kernel.read();
      const { strides, padding, dilationRate: dilations } = own;
      const product = isConvolution
        ? sparseConvolution(x as tf.Tensor4D, weights, places, { strides, padding, dilations })
        : denseProduct(x, weights, places);
      return own.activation.apply(own.bias ? tf.add(product, own.bias.read()) : product);
    });
  return { values, dispose: () => tf.dispose(read) };
}

function denseProduct(x: tf.Tensor, weights: tf.Tensor, places: KernelPlaces): tf.Tensor {
  const pixels = tf.reshape(x, [-1, 1, 1, places.shape[2]]) as tf.Tensor4D;
  const product = sparseConvolution(pixels, weights, places, { strides: 1, padding: "valid", dilations: 1 });
  return tf.reshape(product, [...x.shape.slice(0, -1), places.shape[3]]);
}
