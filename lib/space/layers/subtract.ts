import * as tf from "@tensorflow/tfjs";

/** The difference of two values. Layers that may be switched off are written `x + a (f(x) - x)`. */
export class Subtract extends tf.layers.Layer {
  static readonly className: string = "Subtract";

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape {
    return (inputShape as tf.Shape[])[0];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const [first, second] = inputs as tf.Tensor[];
    return tf.sub(first, second);
  }
}
tf.serialization.registerClass(Subtract);
