import * as tf from "@tensorflow/tfjs";
import { FixedLayer } from "./fixedLayer.js";
import { type Operation, requireChannels, then } from "./operation.js";

/** The smallest value of each channel in a square; an erosion when it doesn't move on. */
export class MinPooling2D extends FixedLayer {
  static readonly className: string = "MinPooling2D";
  private readonly poolSize: number;
  private readonly strides: number;

  constructor(config: { readonly name?: string; readonly poolSize: number; readonly strides: number }) {
    super({ name: config.name });
    this.poolSize = config.poolSize;
    this.strides = config.strides;
  }

  protected run(input: tf.Tensor4D): tf.Tensor {
    return tf.neg(tf.maxPool(tf.neg(input), this.poolSize, this.strides, "same"));
  }

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape {
    const [batch, height, width, channels] = inputShape as number[];
    return [batch, Math.ceil(height / this.strides), Math.ceil(width / this.strides), channels];
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), poolSize: this.poolSize, strides: this.strides };
  }
}
tf.serialization.registerClass(MinPooling2D);

const minPooling = (name: string, poolSize: number): Operation => ({
  name,
  apply(value, { name: layerName, filters, stride }) {
    requireChannels(name, value, filters);
    return then(value, new MinPooling2D({ name: layerName, poolSize, strides: stride }));
  },
});

export const minPoolings: readonly Operation[] = [minPooling("min3", 3), minPooling("erosion3", 3)];
