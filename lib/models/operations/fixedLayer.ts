import * as tf from "@tensorflow/tfjs";
import { only } from "./operation.js";

/**
 * A layer without weights that keeps its input's shape, unless it says otherwise. `channels` tells whether each output
 * channel depends on its own input channel only; `keepsZero` whether zeros come out when zeros go in.
 */
export abstract class FixedLayer extends tf.layers.Layer {
  readonly channels: "apart" | "mixed" = "apart";
  readonly keepsZero: boolean = true;

  /** The layer on one batch, [batch, height, width, channels]. */
  protected abstract run(input: tf.Tensor4D): tf.Tensor;

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => this.run(only(inputs)));
  }

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape {
    return inputShape as tf.Shape;
  }
}

/** Multiply-adds of `perElement` for each element of one example. */
export const eachElement = (inputShape: readonly number[], perElement: number): number =>
  inputShape.reduce((product, extent) => product * extent, 1) * perElement;

/** Convolves each channel with one fixed [height, width] kernel, keeping the shape. */
export function convolveChannels(input: tf.Tensor4D, kernel: readonly (readonly number[])[]): tf.Tensor4D {
  const channels = input.shape[3];
  const filter = tf.tensor4d(kernel.flat(), [kernel.length, kernel[0].length, 1, 1]);
  // Of one channel the two are the same, and an ordinary convolution is several times faster.
  if (channels === 1) return tf.conv2d(input, filter, 1, "same");
  return tf.depthwiseConv2d(input, tf.tile(filter, [1, 1, channels, 1]), 1, "same");
}

/** The product of a column and a row. */
export const outer = (column: readonly number[], row: readonly number[]): number[][] =>
  column.map((a) => row.map((b) => a * b));
