import * as tf from "@tensorflow/tfjs";
import { factor, imageShape, optional, requireOptions, size } from "./options.js";

/** What {@link mobilenet} takes. */
export interface MobilenetOptions {
  /** [height, width, channels]; default [32, 32, 3]. */
  readonly inputShape?: readonly number[];
  readonly classes: number;
  /** Times the original's channels; default 1. */
  readonly width?: number;
  /** How often the image is halved, at most 5, as in the original; default 5 from 128 pixels on, else 3. */
  readonly halvings?: number;
}

/** Channels of each pair of a depthwise and a pointwise convolution, and whether it halves the image. */
const pairs: readonly (readonly [number, boolean])[] = [
  [64, false],
  [128, true],
  [128, false],
  [256, true],
  [256, false],
  [512, true],
  [512, false],
  [512, false],
  [512, false],
  [512, false],
  [512, false],
  [1024, true],
  [1024, false],
];

/**
 * MobileNet: depthwise 3x3 and pointwise 1x1 convolutions in turn, batch normalisation and relu6, global average
 * pooling, softmax. 4,231,976 parameters with 1,000 classes.
 *
 * @param options - see {@link MobilenetOptions}
 * @returns layers are named `stem`, `depthwise_1`, `pointwise_1`, ..., `classes`
 * @throws TwotempError `models/size` for sizes that no layer can have, `models/options` for other options that can't be
 * @example
 * ```ts
 * const model = mobilenet({ inputShape: [32, 32, 3], classes: 10, width: 0.25 });
 * ```
 *
 * Source: Howard and others, MobileNets, 2017. On small images the first halvings are left out.
 */
export function mobilenet(options: MobilenetOptions): tf.LayersModel {
  requireOptions("mobilenet", options, {
    inputShape: optional(imageShape),
    classes: size,
    width: optional(factor),
    halvings: optional(size),
  });
  const { inputShape = [32, 32, 3], classes, width = 1, halvings = inputShape[0] >= 128 ? 5 : 3 } = options;
  const scaled = (channels: number): number => Math.max(1, Math.round(channels * width));
  const input = tf.input({ shape: [...inputShape], name: "image" });
  let value: tf.SymbolicTensor = input;
  const then = (layer: tf.layers.Layer): void => {
    value = layer.apply(value) as tf.SymbolicTensor;
  };
  const finish = (name: string): void => {
    then(tf.layers.batchNormalization({ name: `${name}_norm`, epsilon: 1e-3 }));
    then(tf.layers.reLU({ name: `${name}_relu`, maxValue: 6 }));
  };
  let left = 5;
  const stride = (halves: boolean): number => (halves && left-- <= halvings ? 2 : 1);
  const shared = { padding: "same", useBias: false } as const;
  then(
    tf.layers.conv2d({
      ...shared,
      name: "stem",
      filters: scaled(32),
      kernelSize: 3,
      strides: stride(true),
      kernelInitializer: "heNormal",
    }),
  );
  finish("stem");
  pairs.forEach(([channels, halves], i) => {
    const depthwiseInitializer = tf.initializers.randomNormal({ stddev: Math.sqrt(2 / 9) });
    const strides = stride(halves);
    then(
      tf.layers.depthwiseConv2d({
        ...shared,
        name: `depthwise_${i + 1}`,
        kernelSize: 3,
        strides,
        depthwiseInitializer,
      }),
    );
    finish(`depthwise_${i + 1}`);
    const filters = scaled(channels);
    then(
      tf.layers.conv2d({
        ...shared,
        name: `pointwise_${i + 1}`,
        filters,
        kernelSize: 1,
        kernelInitializer: "heNormal",
      }),
    );
    finish(`pointwise_${i + 1}`);
  });
  then(tf.layers.globalAveragePooling2d({ name: "pool", dataFormat: "channelsLast" }));
  then(tf.layers.dense({ units: classes, activation: "softmax", name: "classes" }));
  return tf.model({ inputs: input, outputs: value, name: "mobilenet" });
}
