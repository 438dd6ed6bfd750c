import * as tf from "@tensorflow/tfjs";
import { convolveChannels, eachElement, FixedLayer, outer } from "./fixedLayer.js";
import { type Operation, requireChannels, then } from "./operation.js";

const rows = new Map([
  [3, [0.25, 0.5, 0.25]],
  [5, [0.0625, 0.25, 0.375, 0.25, 0.0625]],
]);

/** Binomial smoothing of each channel, 3x3 or 5x5. */
export class Blur extends FixedLayer {
  static readonly className: string = "Blur";
  private readonly size: number;

  constructor(config: { readonly name?: string; readonly size: number }) {
    super({ name: config.name });
    this.size = config.size;
  }

  protected run(input: tf.Tensor4D): tf.Tensor {
    const row = rows.get(this.size)!;
    return convolveChannels(input, outer(row, row));
  }

  multiplyAdds(inputShape: readonly number[]): number {
    return eachElement(inputShape, this.size ** 2);
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), size: this.size };
  }
}
tf.serialization.registerClass(Blur);

export const blurs: readonly Operation[] = [...rows.keys()].map((size) => ({
  name: `blur${size}`,
  apply(value, { name, filters }) {
    requireChannels(this.name, value, filters);
    return then(value, new Blur({ name, size }));
  },
}));
