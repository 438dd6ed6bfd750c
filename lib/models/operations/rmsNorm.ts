import * as tf from "@tensorflow/tfjs";
import { eachElement, FixedLayer } from "./fixedLayer.js";

/** Added to mean squares, so that nothing stays nothing. */
const floor = 1e-6;

/** Divides each example by its root mean square, so that operations count alike whatever their scale. */
export class RmsNorm extends FixedLayer {
  static readonly className: string = "RmsNorm";
  override readonly channels: "apart" | "mixed" = "mixed";

  protected run(input: tf.Tensor): tf.Tensor {
    const axes = input.shape.map((_, axis) => axis).slice(1);
    return tf.mul(input, tf.rsqrt(tf.add(tf.mean(tf.square(input), axes, true), floor)));
  }

  multiplyAdds(inputShape: readonly number[]): number {
    return eachElement(inputShape, 2);
  }
}
tf.serialization.registerClass(RmsNorm);
