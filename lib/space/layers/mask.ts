import * as tf from "@tensorflow/tfjs";

/** Sets some elements of a value to zero: `y = x * open`. Compaction puts it in front of layers that need all of x. */
export class Mask extends tf.layers.Layer {
  static readonly className: string = "Mask";
  readonly open: readonly number[];
  readonly maskShape: readonly number[];

  constructor(config: { readonly name?: string; readonly open: readonly number[]; readonly shape: readonly number[] }) {
    super({ name: config.name });
    this.open = config.open;
    this.maskShape = config.shape;
  }

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape {
    return inputShape as tf.Shape;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const input = Array.isArray(inputs) ? inputs[0] : inputs;
    return tf.tidy(() => tf.mul(input, tf.tensor([...this.open], [...this.maskShape])));
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), open: [...this.open], shape: [...this.maskShape] };
  }
}
tf.serialization.registerClass(Mask);
