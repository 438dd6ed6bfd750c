import * as tf from "@tensorflow/tfjs";
import { TwotempError } from "../../errors.js";
import { FixedLayer } from "./fixedLayer.js";
import { type Operation, then } from "./operation.js";

/** All channels side by side several times. (A Concatenate of one value with itself fails in TensorFlow.js.) */
export class RepeatChannels extends FixedLayer {
  static readonly className: string = "RepeatChannels";
  override readonly channels: "apart" | "mixed" = "mixed";
  private readonly copies: number;

  constructor(config: { readonly name?: string; readonly copies: number }) {
    super({ name: config.name });
    this.copies = config.copies;
  }

  protected run(input: tf.Tensor4D): tf.Tensor {
    return tf.tile(input, [1, 1, 1, this.copies]);
  }

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape {
    const [batch, height, width, channels] = inputShape as number[];
    return [batch, height, width, channels * this.copies];
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), copies: this.copies };
  }
}
tf.serialization.registerClass(RepeatChannels);

/** The input itself, every `stride`-th position, as many times side by side as there are channels to fill. */
export const skip: Operation = {
  name: "skip",
  apply(value, { name, filters, stride }) {
    const channels = value.shape.at(-1)!;
    if (filters % channels !== 0) {
      throw new TwotempError(
        "models/operation",
        `skip makes a multiple of the ${channels} channels it reads, asked for ${filters}`,
      );
    }
    const taken =
      stride === 1
        ? value
        : then(value, tf.layers.maxPooling2d({ name: `${name}_taken`, poolSize: 1, strides: stride, padding: "same" }));
    const copies = filters / channels;
    if (copies === 1) return then(taken, tf.layers.activation({ name, activation: "linear" }));
    return then(taken, new RepeatChannels({ name, copies }));
  },
};
