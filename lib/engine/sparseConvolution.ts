import * as tf from "@tensorflow/tfjs";
import { execute, ownKernels, upload } from "./native.js";
import type { SparsePlaces } from "./sparseProduct.js";

/** How a two-dimensional convolution moves over its input; numbers for both directions or [down, across]. */
export interface Moves {
  readonly strides: number | [number, number];
  readonly padding: "valid" | "same";
  readonly dilations: number | [number, number];
}

/**
 * The places of the entries of a kernel that are left, with the kernel as a matrix of one row an input of a product and one column an
 * output.
 *
 * @param outputs - the kernel's last extent
 * @param open - one number an entry of the kernel, 0 where it is closed
 */
export function sparsePlaces(open: ArrayLike<number>, outputs: number): SparsePlaces {
  const starts = [0];
  const rows: number[] = [];
  for (let output = 0; output < outputs; output++) {
    for (let row = 0; row * outputs < open.length; row++) if (open[row * outputs + output] !== 0) rows.push(row);
    starts.push(rows.length);
  }
  return { starts: upload(tf.tensor1d(starts, "int32")), inputs: upload(tf.tensor1d(rows, "int32")) };
}

/**
 * A convolution with the entries of a kernel that are left, whatever the others hold; only where there are {@link ownKernels}. The
 * others' gradient is 0.
 *
 * @param x - [batch, height, width, inputs]
 * @param kernel - [taps down, taps across, inputs, outputs]
 * @returns [batch, height, width, outputs]
 */
export function sparseConvolution(
  x: tf.Tensor4D,
  kernel: tf.Tensor4D,
  { starts, inputs }: SparsePlaces,
  { strides, padding, dilations }: Moves,
): tf.Tensor4D {
  const native = ownKernels()!;
  const shape = tf.backend_util.computeConv2DInfo(x.shape, kernel.shape, strides, dilations, padding);
  const geometry = (): tf.Tensor1D =>
    tf.tensor1d(
      [
        ...[shape.outHeight, shape.outWidth, shape.strideHeight, shape.strideWidth],
        ...[shape.dilationHeight, shape.dilationWidth, shape.padInfo.top, shape.padInfo.left],
      ],
      "int32",
    );
  const differentiable = tf.customGrad((...given) => {
    const own = given.slice(0, -1) as tf.Tensor[];
    (given.at(-1) as (tensors: tf.Tensor[]) => void)(own);
    return {
      value: execute(native, "TwotempSparseConvolution", [], [...own, starts, inputs, geometry()])[0],
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) =>
        execute(native, "TwotempSparseConvolutionGradient", [], [...saved, starts, inputs, geometry(), dy], 2),
    };
  });
  return differentiable(x, kernel) as tf.Tensor4D;
}
