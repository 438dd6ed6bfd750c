import * as tf from "@tensorflow/tfjs";
import { TwotempError } from "../../errors.js";
import { FixedLayer } from "./fixedLayer.js";
import { type Operation, then } from "./operation.js";

const size = 7;
/** Deviation of the window across and along an edge, and wavelength, in pixels. */
const [across, along, wavelength] = [1.5, 2, 5];

/** Even and odd Gabor filters at `count / 2` angles, without mean, each of norm 1: [size, size, 1, count]. */
export function orientedBank(count: number): Float32Array {
  const angles = count / 2;
  const bank = new Float32Array(size * size * count);
  for (let filter = 0; filter < count; filter++) {
    const angle = (Math.PI * (filter % angles)) / angles;
    const phase = filter < angles ? 0 : Math.PI / 2;
    const values = Float64Array.from({ length: size * size }, (_, i) => {
      const x = (i % size) - (size - 1) / 2;
      const y = Math.floor(i / size) - (size - 1) / 2;
      const u = x * Math.cos(angle) + y * Math.sin(angle);
      const v = y * Math.cos(angle) - x * Math.sin(angle);
      const window = Math.exp(-(u * u) / (2 * across * across) - (v * v) / (2 * along * along));
      return window * Math.cos((2 * Math.PI * u) / wavelength - phase);
    });
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const norm = Math.hypot(...values.map((value) => value - mean));
    values.forEach((value, i) => (bank[i * count + filter] = (value - mean) / norm));
  }
  return bank;
}

/** A fixed bank of oriented 7x7 filters on the mean of the channels. */
export class OrientedFilters extends FixedLayer {
  static readonly className: string = "OrientedFilters";
  override readonly channels: "apart" | "mixed" = "mixed";
  private readonly filters: number;
  private readonly strides: number;

  constructor(config: { readonly name?: string; readonly filters: number; readonly strides: number }) {
    super({ name: config.name });
    if (config.filters % 2 !== 0) {
      throw new TwotempError("models/operation", `oriented filters come in pairs, asked for ${config.filters}`);
    }
    this.filters = config.filters;
    this.strides = config.strides;
  }

  protected run(input: tf.Tensor4D): tf.Tensor {
    const bank = tf.tensor4d(orientedBank(this.filters), [size, size, 1, this.filters]);
    return tf.conv2d(tf.mean(input, 3, true) as tf.Tensor4D, bank, this.strides, "same");
  }

  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape {
    const [batch, height, width] = inputShape as number[];
    return [batch, Math.ceil(height / this.strides), Math.ceil(width / this.strides), this.filters];
  }

  multiplyAdds([height, width]: readonly number[]): number {
    return Math.ceil(height / this.strides) * Math.ceil(width / this.strides) * size * size * this.filters;
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), filters: this.filters, strides: this.strides };
  }
}
tf.serialization.registerClass(OrientedFilters);

export const orientedFilters: Operation = {
  name: "oriented7",
  apply: (value, { name, filters, stride }) => then(value, new OrientedFilters({ name, filters, strides: stride })),
};
