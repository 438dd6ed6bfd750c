import * as tf from "@tensorflow/tfjs";

/** A constraint that keeps the closed entries of a masked weight at zero while it is trained. */
export class KeepZeros extends tf.serialization.Serializable {
  /** @nocollapse */
  static readonly className: string = "KeepZeros";
  readonly keep: readonly number[];
  readonly shape: readonly number[];

  constructor(config: { readonly keep: readonly number[]; readonly shape: readonly number[] }) {
    super();
    this.keep = config.keep;
    this.shape = config.shape;
  }

  apply(weight: tf.Tensor): tf.Tensor {
    return tf.tidy(() => tf.mul(weight, tf.tensor([...this.keep], [...this.shape])));
  }

  getConfig(): tf.serialization.ConfigDict {
    return { keep: [...this.keep], shape: [...this.shape] };
  }
}
tf.serialization.registerClass(KeepZeros);
