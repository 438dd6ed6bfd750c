import * as tf from "@tensorflow/tfjs";
import { eachElement, FixedLayer } from "./fixedLayer.js";
import { type Operation, requireChannels, then } from "./operation.js";

/** The square. */
export class Squared extends FixedLayer {
  static readonly className: string = "Squared";

  protected run(input: tf.Tensor4D): tf.Tensor {
    return tf.square(input);
  }

  multiplyAdds(inputShape: readonly number[]): number {
    return eachElement(inputShape, 1);
  }
}
tf.serialization.registerClass(Squared);

export const squared: Operation = {
  name: "square",
  apply(value, { name, filters }) {
    requireChannels("square", value, filters);
    return then(value, new Squared({ name }));
  },
};
