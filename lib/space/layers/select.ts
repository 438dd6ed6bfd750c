import * as tf from "@tensorflow/tfjs";

/** Takes some features of a value: `y[..., i] = x[..., indices[i]]`. Compaction puts it behind inputs with gates. */
export class Select extends tf.layers.Layer {
  static readonly className: string = "Select";
  readonly indices: readonly number[];

  constructor(config: { readonly name?: string; readonly indices: readonly number[] }) {
    super({ name: config.name });
    this.indices = config.indices;
  }

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape {
    return [...(inputShape as tf.Shape).slice(0, -1), this.indices.length];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const input = Array.isArray(inputs) ? inputs[0] : inputs;
    return tf.gather(input, tf.tensor1d([...this.indices], "int32"), input.rank - 1);
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), indices: [...this.indices] };
  }
}
tf.serialization.registerClass(Select);
