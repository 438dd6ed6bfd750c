import * as tf from "@tensorflow/tfjs";
import { imageShape, optional, requireOptions, size } from "./options.js";

/** What {@link lenet} takes. */
export interface LenetOptions {
  /** [height, width, channels]; default [28, 28, 1]. */
  readonly inputShape?: readonly number[];
  /** Default 10. */
  readonly classes?: number;
}

/**
 * LeNet-5 as it is built today: two 5x5 convolutions (6 and 16 channels, tanh) with average pooling, dense layers of
 * 120 and 84 units, softmax. 61,706 parameters on 28x28 grey images of 10 classes.
 *
 * @param options - see {@link LenetOptions}
 * @throws TwotempError `models/size` for sizes that no layer can have, `models/options` for other options that can't be
 * @example
 * ```ts
 * const model = lenet({ inputShape: [28, 28, 1], classes: 10 });
 * ```
 *
 * Source: LeCun, Bottou, Bengio, Haffner, Gradient-based learning applied to document recognition, 1998; every map of
 * the second convolution reads every map of the first.
 */
export function lenet(options: LenetOptions = {}): tf.LayersModel {
  requireOptions("lenet", options, { inputShape: optional(imageShape), classes: optional(size) });
  const { inputShape = [28, 28, 1], classes = 10 } = options;
  const input = tf.input({ shape: [...inputShape], name: "image" });
  let value: tf.SymbolicTensor = input;
  const then = (layer: tf.layers.Layer): void => {
    value = layer.apply(value) as tf.SymbolicTensor;
  };
  then(tf.layers.conv2d({ filters: 6, kernelSize: 5, padding: "same", activation: "tanh", name: "conv_1" }));
  then(tf.layers.averagePooling2d({ poolSize: 2, name: "pool_1" }));
  then(tf.layers.conv2d({ filters: 16, kernelSize: 5, activation: "tanh", name: "conv_2" }));
  then(tf.layers.averagePooling2d({ poolSize: 2, name: "pool_2" }));
  then(tf.layers.flatten({ name: "flatten" }));
  then(tf.layers.dense({ units: 120, activation: "tanh", name: "dense_1" }));
  then(tf.layers.dense({ units: 84, activation: "tanh", name: "dense_2" }));
  then(tf.layers.dense({ units: classes, activation: "softmax", name: "classes" }));
  return tf.model({ inputs: input, outputs: value, name: "lenet" });
}
