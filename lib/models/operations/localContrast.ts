import * as tf from "@tensorflow/tfjs";
import { convolveChannels, eachElement, FixedLayer, outer } from "./fixedLayer.js";
import { type Operation, requireChannels, then } from "./operation.js";

const row = [0.0625, 0.25, 0.375, 0.25, 0.0625];
const kernel = outer(row, row);
/** Where an image is flat, its contrast counts as this. */
const floor = 0.01;

/** Local contrast normalisation: each pixel less its neighbourhood's mean, by its neighbourhood's deviation. */
export class LocalContrast extends FixedLayer {
  static readonly className: string = "LocalContrast";

  protected run(input: tf.Tensor4D): tf.Tensor {
    const centred = tf.sub(input, convolveChannels(input, kernel)) as tf.Tensor4D;
    const variance = convolveChannels(tf.square(centred), kernel);
    return tf.mul(centred, tf.rsqrt(tf.add(variance, floor)));
  }

  multiplyAdds(inputShape: readonly number[]): number {
    return eachElement(inputShape, 50);
  }
}
tf.serialization.registerClass(LocalContrast);

export const localContrast: Operation = {
  name: "contrast",
  apply(value, { name, filters }) {
    requireChannels("contrast", value, filters);
    return then(value, new LocalContrast({ name }));
  },
};
