import * as tf from "@tensorflow/tfjs";
import { execute, ownKernels, upload } from "./native.js";
import type { SparsePlaces } from "./sparseProduct.js";

/** How a two-dimensional convolution moves over its input; numbers for both directions or [down, across]. */
export interface Moves {
  readonly strides: number | [number, number];
  readonly padding: "valid" | "same";
  readonly dilations: number | [number, number];
}

/** [taps down, taps across, inputs, outputs] */
export type KernelShape = [number, number, number, number];

/** Which entries of a kernel are left, as a matrix of a row an input of a product and a column an output; output by output. */
export interface KernelPlaces extends SparsePlaces {
  /** Of each entry its place in the kernel, int32 [entries] */
  readonly positions: tf.Tensor1D;
  readonly shape: KernelShape;
}

/** @param open - one number an entry of the kernel, 0 where it is closed */
export function kernelPlaces(open: ArrayLike<number>, shape: KernelShape): KernelPlaces {
  const outputs = shape[3];
  const starts = [0];
  const rows: number[] = [];
  const positions: number[] = [];
  for (let output = 0; output < outputs; output++) {
    for (let position = output; position < open.length; position += outputs) {
      if (open[position] === 0) continue;
      rows.push((position - output) / outputs);
      positions.push(position);
    }
    starts.push(rows.length);
  }
  const whole = (values: number[]): tf.Tensor1D => upload(tf.tensor1d(values, "int32"));
  return { starts: whole(starts), inputs: whole(rows), positions: whole(positions), shape };
}

/** The entries of a kernel that are left, [entries]. */
export const entriesOf = (kernel: tf.Tensor, { positions }: KernelPlaces): tf.Tensor1D =>
  tf.tidy(() => tf.gather(tf.reshape(kernel, [-1]) as tf.Tensor1D, positions));

/**
 * A convolution with the entries of a kernel that are left, whatever the others hold; only where there are {@link ownKernels}.
 *
 * @param x - [batch, height, width, inputs]
 * @param weights - the kernel, whose other entries' gradient is 0, or {@link entriesOf} it
 * @returns [batch, height, width, outputs]
 */
export function sparseConvolution(
  x: tf.Tensor4D,
  weights: tf.Tensor,
  places: KernelPlaces,
  { strides, padding, dilations }: Moves,
): tf.Tensor4D {
  const native = ownKernels()!;
  const info = tf.backend_util.computeConv2DInfo(x.shape, places.shape, strides, dilations, padding);
  // Made anew for the gradient, when a first tensor of the numbers may be gone.
  const described = (): tf.Tensor[] => {
    const numbers = [
      ...[info.outHeight, info.outWidth, info.strideHeight, info.strideWidth],
      ...[info.dilationHeight, info.dilationWidth, info.padInfo.top, info.padInfo.left],
      ...[info.filterWidth, info.filterHeight],
    ];
    const { starts, inputs, positions } = places;
    return [starts, inputs, positions, tf.tensor1d(numbers, "int32")];
  };
  const differentiable = tf.customGrad((...given) => {
    const own = given.slice(0, -1) as tf.Tensor[];
    (given.at(-1) as (tensors: tf.Tensor[]) => void)(own);
    return {
      value: execute(native, "TwotempSparseConvolution", [], [...own, ...described()])[0],
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) =>
        execute(native, "TwotempSparseConvolutionGradient", [], [...saved, ...described(), dy], 2),
    };
  });
  return differentiable(x, weights) as tf.Tensor4D;
}
