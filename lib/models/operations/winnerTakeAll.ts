import * as tf from "@tensorflow/tfjs";
import { FixedLayer } from "./fixedLayer.js";
import { type Operation, requireChannels, then } from "./operation.js";

/** Keeps the largest channel at each position; the others become zero. */
export class WinnerTakeAll extends FixedLayer {
  static readonly className: string = "WinnerTakeAll";
  override readonly channels: "apart" | "mixed" = "mixed";

  protected run(input: tf.Tensor4D): tf.Tensor {
    const largest = tf.max(input, 3, true);
    return tf.where(tf.greaterEqual(input, largest), input, tf.zerosLike(input));
  }
}
tf.serialization.registerClass(WinnerTakeAll);

export const winnerTakeAll: Operation = {
  name: "winner",
  apply(value, { name, filters }) {
    requireChannels("winner", value, filters);
    return then(value, new WinnerTakeAll({ name }));
  },
};
