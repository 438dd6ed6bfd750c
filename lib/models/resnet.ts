import * as tf from "@tensorflow/tfjs";
import { depth as depthWhere, imageShape, optional, requireOptions, size } from "./options.js";

/** What {@link resnet} takes. */
export interface ResnetOptions {
  /** 6n + 2: 8, 14, 20, 32, 44, 56. */
  readonly depth: number;
  /** [height, width, channels]; default [32, 32, 3]. */
  readonly inputShape?: readonly number[];
  readonly classes: number;
  /** Channels of the first stage, doubled twice; default 16. */
  readonly filters?: number;
}

/**
 * A residual network for small images: three stages of n blocks of two 3x3 convolutions with batch normalisation, global
 * average pooling, softmax.
 *
 * @param options - see {@link ResnetOptions}
 * @returns layers are named `stem`, `block_1_1_conv_1`, ..., `block_1_1_add`, ..., `classes`
 * @throws TwotempError `models/depth` unless the depth is 6n + 2, `models/size`, `models/options`
 * @example
 * ```ts
 * const model = resnet({ depth: 20, classes: 10 });
 * ```
 *
 * Source: He, Zhang, Ren, Sun, Deep residual learning for image recognition, 2016, section 4.2; where the number of
 * channels grows, the shortcut is a 1x1 convolution with batch normalisation (their option B).
 */
export function resnet(options: ResnetOptions): tf.LayersModel {
  requireOptions("resnet", options, {
    depth: depthWhere((depth) => depth >= 8 && depth % 6 === 2, "6n + 2 (8, 14, 20, 32, 44, 56)"),
    inputShape: optional(imageShape),
    classes: size,
    filters: optional(size),
  });
  const { depth, inputShape = [32, 32, 3], classes, filters = 16 } = options;
  const blocks = (depth - 2) / 6;
  const input = tf.input({ shape: [...inputShape], name: "image" });
  const convolve = (
    value: tf.SymbolicTensor,
    name: string,
    { size = 3, stride = 1, channels }: { size?: number; stride?: number; channels: number },
  ): tf.SymbolicTensor => {
    const convolved = tf.layers
      .conv2d({
        name,
        filters: channels,
        kernelSize: size,
        strides: stride,
        padding: "same",
        useBias: false,
        kernelInitializer: "heNormal",
      })
      .apply(value);
    return tf.layers.batchNormalization({ name: `${name}_norm` }).apply(convolved) as tf.SymbolicTensor;
  };
  const rectify = (value: tf.SymbolicTensor, name: string): tf.SymbolicTensor =>
    tf.layers.reLU({ name }).apply(value) as tf.SymbolicTensor;

  let value = rectify(convolve(input, "stem", { channels: filters }), "stem_relu");
  for (let stage = 1; stage <= 3; stage++) {
    const channels = filters * 2 ** (stage - 1);
    for (let block = 1; block <= blocks; block++) {
      const name = `block_${stage}_${block}`;
      const stride = stage > 1 && block === 1 ? 2 : 1;
      const inner = rectify(convolve(value, `${name}_conv_1`, { stride, channels }), `${name}_relu_1`);
      const branch = convolve(inner, `${name}_conv_2`, { channels });
      const shortcut = stride === 1 ? value : convolve(value, `${name}_shortcut`, { size: 1, stride, channels });
      const sum = tf.layers.add({ name: `${name}_add` }).apply([shortcut, branch]) as tf.SymbolicTensor;
      value = rectify(sum, `${name}_relu_2`);
    }
  }
  const pooled = tf.layers.globalAveragePooling2d({ name: "pool", dataFormat: "channelsLast" }).apply(value);
  const output = tf.layers.dense({ units: classes, activation: "softmax", name: "classes" }).apply(pooled);
  return tf.model({ inputs: input, outputs: output as tf.SymbolicTensor, name: `resnet${depth}` });
}
