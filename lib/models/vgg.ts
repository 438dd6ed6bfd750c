import * as tf from "@tensorflow/tfjs";
import { depth as depthWhere, factor, flag, imageShape, optional, requireOptions, size, sizes } from "./options.js";

/** How many layers with weights the original has. */
export type VggDepth = 11 | 13 | 16;

/** What {@link vgg} takes. */
export interface VggOptions {
  readonly depth: VggDepth;
  /** [height, width, channels], at least 32x32; default [32, 32, 3]. */
  readonly inputShape?: readonly number[];
  readonly classes: number;
  /** Times the original's channels; default 1. */
  readonly width?: number;
  /** Units of the dense layers before the classes: none for small images (default), [4096, 4096] in the original. */
  readonly dense?: readonly number[];
  /** Normalise each convolution over the batch; default true. */
  readonly batchNorm?: boolean;
}

/** Convolutions of each of the five stages. */
const convolutions: Record<VggDepth, readonly number[]> = {
  11: [1, 1, 2, 2, 2],
  13: [2, 2, 2, 2, 2],
  16: [2, 2, 3, 3, 3],
};
const channels = [64, 128, 256, 512, 512];

/**
 * VGG: stages of 3x3 convolutions, each halved by max pooling, dense layers, softmax.
 *
 * @param options - see {@link VggOptions}
 * @returns layers are named `conv_1_1`, `norm_1_1`, `relu_1_1`, `pool_1`, ..., `dense_1`, ..., `classes`
 * @throws TwotempError `models/size`, `models/depth`, `models/options`
 * @example
 * ```ts
 * const model = vgg({ depth: 16, inputShape: [32, 32, 3], classes: 10 });
 * ```
 *
 * Source: Simonyan and Zisserman, Very deep convolutional networks for large-scale image recognition, 2015; batch
 * normalisation and the small head are customary on 32x32 images.
 */
export function vgg(options: VggOptions): tf.LayersModel {
  requireOptions("vgg", options, {
    depth: depthWhere((depth) => depth in convolutions, "11, 13 or 16"),
    inputShape: optional(imageShape),
    classes: size,
    width: optional(factor),
    dense: optional(sizes),
    batchNorm: optional(flag),
  });
  const { depth, inputShape = [32, 32, 3], classes, width = 1, dense = [], batchNorm = true } = options;
  const stages = convolutions[depth];
  const widths = channels.map((count) => Math.max(1, Math.round(count * width)));
  const input = tf.input({ shape: [...inputShape], name: "image" });
  let value: tf.SymbolicTensor = input;
  const then = (layer: tf.layers.Layer): void => {
    value = layer.apply(value) as tf.SymbolicTensor;
  };
  stages.forEach((count, s) => {
    for (let i = 1; i <= count; i++) {
      const at = `${s + 1}_${i}`;
      const shape = { filters: widths[s], kernelSize: 3, padding: "same", kernelInitializer: "heNormal" } as const;
      then(tf.layers.conv2d({ ...shape, name: `conv_${at}` }));
      if (batchNorm) then(tf.layers.batchNormalization({ name: `norm_${at}` }));
      then(tf.layers.reLU({ name: `relu_${at}` }));
    }
    then(tf.layers.maxPooling2d({ poolSize: 2, name: `pool_${s + 1}` }));
  });
  then(tf.layers.flatten({ name: "flatten" }));
  dense.forEach((units, i) => {
    then(tf.layers.dense({ units, activation: "relu", kernelInitializer: "heNormal", name: `dense_${i + 1}` }));
  });
  then(tf.layers.dense({ units: classes, activation: "softmax", name: "classes" }));
  return tf.model({ inputs: input, outputs: value, name: `vgg${depth}` });
}
