import * as tf from "@tensorflow/tfjs";
import { convolveChannels, eachElement, FixedLayer, outer } from "./fixedLayer.js";
import { type Operation, requireChannels, then } from "./operation.js";

const smooth = [0.25, 0.5, 0.25];
const difference = [-0.5, 0, 0.5];
/** Keeps the slope of the root finite where the gradient vanishes. */
const floor = 1e-6;

/** The length of each channel's gradient, by Sobel's kernels. */
export class GradientMagnitude extends FixedLayer {
  static readonly className: string = "GradientMagnitude";
  override readonly keepsZero: boolean = false;

  protected run(input: tf.Tensor4D): tf.Tensor {
    const across = convolveChannels(input, outer(smooth, difference));
    const down = convolveChannels(input, outer(difference, smooth));
    return tf.sqrt(tf.add(tf.add(tf.square(across), tf.square(down)), floor));
  }

  multiplyAdds(inputShape: readonly number[]): number {
    return eachElement(inputShape, 18);
  }
}
tf.serialization.registerClass(GradientMagnitude);

export const gradientMagnitude: Operation = {
  name: "gradient",
  apply(value, { name, filters }) {
    requireChannels("gradient", value, filters);
    return then(value, new GradientMagnitude({ name }));
  },
};
