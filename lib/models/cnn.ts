import * as tf from "@tensorflow/tfjs";
import { flag, imageShape, optional, requireOptions, size, sizes } from "./options.js";

/** What {@link cnn} takes. */
export interface CnnOptions {
  /** [height, width, channels]. */
  readonly inputShape: readonly number[];
  /** Channels of each convolution; each is followed by 2x2 max pooling. Default [32, 64]. */
  readonly filters?: readonly number[];
  /** Units of the dense layer before the classes. Default 128. */
  readonly dense?: number;
  readonly classes: number;
  /** Normalise each convolution over the batch; default false. */
  readonly batchNorm?: boolean;
}

/**
 * A small convolutional network: 3x3 convolutions with relu and 2x2 max pooling, one dense layer, softmax.
 *
 * @param options - see {@link CnnOptions}
 * @returns a model whose layers are named `conv_1`, `pool_1`, ..., `dense`, `classes`
 * @throws TwotempError `models/size` for sizes that no layer can have, `models/options` for other options that can't be
 * @example
 * ```ts
 * const model = cnn({ inputShape: [28, 28, 1], filters: [16, 32], classes: 10 });
 * ```
 */
export function cnn(options: CnnOptions): tf.LayersModel {
  requireOptions("cnn", options, {
    inputShape: imageShape,
    filters: optional(sizes),
    dense: optional(size),
    classes: size,
    batchNorm: optional(flag),
  });
  const { inputShape, filters = [32, 64], dense = 128, classes, batchNorm = false } = options;
  const input = tf.input({ shape: [...inputShape], name: "image" });
  let value: tf.SymbolicTensor = input;
  const then = (layer: tf.layers.Layer): void => {
    value = layer.apply(value) as tf.SymbolicTensor;
  };
  filters.forEach((count, i) => {
    const at = i + 1;
    const shared = { filters: count, kernelSize: 3, padding: "same", kernelInitializer: "heNormal" } as const;
    if (batchNorm) {
      then(tf.layers.conv2d({ ...shared, useBias: false, name: `conv_${at}` }));
      then(tf.layers.batchNormalization({ name: `norm_${at}` }));
      then(tf.layers.reLU({ name: `relu_${at}` }));
    } else {
      then(tf.layers.conv2d({ ...shared, activation: "relu", name: `conv_${at}` }));
    }
    then(tf.layers.maxPooling2d({ poolSize: 2, name: `pool_${at}` }));
  });
  then(tf.layers.flatten({ name: "flatten" }));
  then(tf.layers.dense({ units: dense, activation: "relu", kernelInitializer: "heNormal", name: "dense" }));
  then(tf.layers.dense({ units: classes, activation: "softmax", name: "classes" }));
  return tf.model({ inputs: input, outputs: value, name: "cnn" });
}
