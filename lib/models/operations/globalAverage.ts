import * as tf from "@tensorflow/tfjs";
import { FixedLayer } from "./fixedLayer.js";
import { type Operation, requireChannels, then } from "./operation.js";

/** The mean of each channel over the whole image, at every position of the pooled image. */
export class GlobalAverage extends FixedLayer {
  static readonly className: string = "GlobalAverage";
  private readonly strides: number;

  constructor(config: { readonly name?: string; readonly strides: number }) {
    super({ name: config.name });
    this.strides = config.strides;
  }

  protected run(input: tf.Tensor4D): tf.Tensor {
    const [, height, width] = this.computeOutputShape(input.shape) as number[];
    return tf.tile(tf.mean(input, [1, 2], true), [1, height, width, 1]);
  }

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape {
    const [batch, height, width, channels] = inputShape as number[];
    return [batch, Math.ceil(height / this.strides), Math.ceil(width / this.strides), channels];
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), strides: this.strides };
  }
}
tf.serialization.registerClass(GlobalAverage);

export const globalAverage: Operation = {
  name: "global",
  apply(value, { name, filters, stride }) {
    requireChannels("global", value, filters);
    return then(value, new GlobalAverage({ name, strides: stride }));
  },
};
