import * as tf from "@tensorflow/tfjs";
import { eachElement, FixedLayer } from "./fixedLayer.js";
import { type Operation, requireChannels, then } from "./operation.js";

/** Added to variances, so that a flat channel stays flat. */
const floor = 1e-4;

/** Each channel of each example less its mean, by its deviation. */
export class InstanceNorm extends FixedLayer {
  static readonly className: string = "InstanceNorm";

  protected run(input: tf.Tensor4D): tf.Tensor {
    const { mean, variance } = tf.moments(input, [1, 2], true);
    return tf.mul(tf.sub(input, mean), tf.rsqrt(tf.add(variance, floor)));
  }

  multiplyAdds(inputShape: readonly number[]): number {
    return eachElement(inputShape, 2);
  }
}
tf.serialization.registerClass(InstanceNorm);

export const instanceNorm: Operation = {
  name: "instance",
  apply(value, { name, filters }) {
    requireChannels("instance", value, filters);
    return then(value, new InstanceNorm({ name }));
  },
};
