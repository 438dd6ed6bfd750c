import * as tf from "@tensorflow/tfjs";
import { convolveChannels, eachElement, FixedLayer } from "./fixedLayer.js";
import { type Operation, requireChannels, then } from "./operation.js";

const kernel = [
  [0, 0.25, 0],
  [0.25, -1, 0.25],
  [0, 0.25, 0],
];

/** The difference between each pixel's four neighbours' mean and itself. */
export class Laplacian extends FixedLayer {
  static readonly className: string = "Laplacian";

  protected run(input: tf.Tensor4D): tf.Tensor {
    return convolveChannels(input, kernel);
  }

  multiplyAdds(inputShape: readonly number[]): number {
    return eachElement(inputShape, 9);
  }
}
tf.serialization.registerClass(Laplacian);

export const laplacian: Operation = {
  name: "laplacian",
  apply(value, { name, filters }) {
    requireChannels("laplacian", value, filters);
    return then(value, new Laplacian({ name }));
  },
};
