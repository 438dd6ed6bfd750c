import * as tf from "@tensorflow/tfjs";
import { eachElement, FixedLayer } from "./fixedLayer.js";
import { type Operation, requireChannels, then } from "./operation.js";

/** Added to mean squares, so that an empty position stays empty. */
const floor = 1e-4;

/** Divides by the root mean square of the channels at each position. */
export class ChannelNorm extends FixedLayer {
  static readonly className: string = "ChannelNorm";
  override readonly channels: "apart" | "mixed" = "mixed";

  protected run(input: tf.Tensor4D): tf.Tensor {
    return tf.mul(input, tf.rsqrt(tf.add(tf.mean(tf.square(input), 3, true), floor)));
  }

  multiplyAdds(inputShape: readonly number[]): number {
    return eachElement(inputShape, 2);
  }
}
tf.serialization.registerClass(ChannelNorm);

export const channelNorm: Operation = {
  name: "channels",
  apply(value, { name, filters }) {
    requireChannels("channels", value, filters);
    return then(value, new ChannelNorm({ name }));
  },
};
