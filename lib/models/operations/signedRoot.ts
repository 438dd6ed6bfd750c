import * as tf from "@tensorflow/tfjs";
import { FixedLayer } from "./fixedLayer.js";
import { type Operation, requireChannels, then } from "./operation.js";

/** Keeps the slope at zero finite. */
const floor = 1e-4;

/** The square root of the absolute value, with the sign. */
export class SignedRoot extends FixedLayer {
  static readonly className: string = "SignedRoot";

  protected run(input: tf.Tensor4D): tf.Tensor {
    return tf.mul(tf.sign(input), tf.sub(tf.sqrt(tf.add(tf.abs(input), floor)), Math.sqrt(floor)));
  }
}
tf.serialization.registerClass(SignedRoot);

export const signedRoot: Operation = {
  name: "root",
  apply(value, { name, filters }) {
    requireChannels("root", value, filters);
    return then(value, new SignedRoot({ name }));
  },
};
