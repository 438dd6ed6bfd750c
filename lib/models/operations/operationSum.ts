import * as tf from "@tensorflow/tfjs";

/** The sum of several operations' outputs, divided by the square root of their number. */
export class OperationSum extends tf.layers.Layer {
  static readonly className: string = "OperationSum";
  /** How many terms the sum counts as; by default its inputs. */
  readonly terms: number | undefined;

  constructor(config: { readonly name?: string; readonly terms?: number }) {
    super({ name: config.name });
    this.terms = config.terms;
  }

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape {
    return (Array.isArray(inputShape[0]) ? inputShape[0] : inputShape) as tf.Shape;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const terms = Array.isArray(inputs) ? inputs : [inputs];
    return tf.tidy(() => tf.mul(tf.addN(terms), 1 / Math.sqrt(this.terms ?? terms.length)));
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), ...(this.terms === undefined ? {} : { terms: this.terms }) };
  }
}
tf.serialization.registerClass(OperationSum);
