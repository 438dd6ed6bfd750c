import * as tf from "@tensorflow/tfjs";
import { FixedLayer } from "./fixedLayer.js";
import { type Operation, requireChannels, then } from "./operation.js";

/** The absolute value. */
export class Absolute extends FixedLayer {
  static readonly className: string = "Absolute";

  protected run(input: tf.Tensor4D): tf.Tensor {
    return tf.abs(input);
  }
}
tf.serialization.registerClass(Absolute);

export const absolute: Operation = {
  name: "abs",
  apply(value, { name, filters }) {
    requireChannels("abs", value, filters);
    return then(value, new Absolute({ name }));
  },
};
