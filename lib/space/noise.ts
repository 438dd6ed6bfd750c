import * as tf from "@tensorflow/tfjs";
import { TwotempError } from "../errors.js";
import type { Random } from "../engine/random.js";
import { sizeOf } from "./labels.js";

interface NoiseConfig {
  readonly rate: number;
  readonly stddev: number;
  readonly noiseShape?: number[] | null;
}

/** A tensor of `value` where something is kept, with probability `1 - rate`, and of 0 elsewhere. */
function keptAtRandom(shape: readonly number[], rate: number, random: Random, value: number): tf.Tensor {
  const kept = random.uniforms(sizeOf(shape)).map((draw) => (draw < 1 - rate ? value : 0));
  return tf.tensor(kept, [...shape]);
}

/** Layers that draw numbers in training, as functions of their input, configuration and generator; as Keras has them. */
const noises: Readonly<Record<string, (input: tf.Tensor, config: NoiseConfig, random: Random) => tf.Tensor>> = {
  Dropout: (input, { rate, noiseShape }, random) =>
    tf.mul(input, keptAtRandom(noiseShape ?? input.shape, rate, random, 1 / (1 - rate))),
  SpatialDropout1D: (input, { rate }, random) =>
    tf.mul(input, keptAtRandom([input.shape[0], 1, input.shape[2]!], rate, random, 1 / (1 - rate))),
  GaussianNoise: (input, { stddev }, random) =>
    tf.add(input, tf.tensor(random.normals(input.size, stddev), input.shape)),
  GaussianDropout: (input, { rate }, random) => {
    const factors = random.normals(input.size, Math.sqrt(rate / (1 - rate))).map((value) => value + 1);
    return tf.mul(input, tf.tensor(factors, input.shape));
  },
  AlphaDropout: (input, { rate, noiseShape }, random) => {
    // The value that selu goes to, which keeps mean and variance after the affine map.
    const closed = -1.6732632423543772 * 1.0507009873554805;
    const kept = keptAtRandom(noiseShape ?? input.shape, rate, random, 1);
    const scale = ((1 - rate) * (1 + rate * closed ** 2)) ** -0.5;
    const mixed = tf.add(tf.mul(input, kept), tf.mul(tf.sub(1, kept), closed));
    return tf.add(tf.mul(mixed, scale), -scale * closed * rate);
  },
};

/** Whether a layer does nothing but add numbers that it draws in training, or multiply by them. */
export const isNoise = (layer: tf.layers.Layer): boolean => layer.getClassName() in noises;

/** Whether a layer draws numbers in training, itself or inside. */
export const isNoisy = (layer: tf.layers.Layer): boolean => within(layer).some((part) => isNoise(part) || drops(part));

/** The output of a layer of noise; without draws its input. */
export function noiseOf(layer: tf.layers.Layer, input: tf.Tensor, draws: (() => Random) | undefined): tf.Tensor {
  const config = layer.getConfig() as unknown as NoiseConfig;
  if (!draws || (config.rate ?? config.stddev) <= 0) return tf.clone(input);
  return noises[layer.getClassName()](input, config, draws());
}

/** What TensorFlow.js keeps private of a recurrent cell that drops values of its inputs or of its own state. */
interface DroppingCell {
  readonly dropout: number;
  readonly recurrentDropout: number;
  dropoutFunc?: (ones: tf.Tensor, rate: number) => tf.Tensor;
  dropoutMask: tf.Tensor | tf.Tensor[] | null;
  recurrentDropoutMask: tf.Tensor | tf.Tensor[] | null;
}

/** Where TensorFlow.js keeps what is inside a layer: a recurrent one's cell, a stack's cells, both directions, one repeated over time. */
interface Inside {
  readonly cell?: tf.layers.Layer;
  readonly cells?: readonly tf.layers.Layer[];
  readonly forwardLayer?: tf.layers.Layer;
  readonly backwardLayer?: tf.layers.Layer;
  readonly layer?: tf.layers.Layer;
}

/** A layer and all that is inside it, in a fixed order. */
function within(layer: tf.layers.Layer): tf.layers.Layer[] {
  const { cell, cells = [], forwardLayer, backwardLayer, layer: repeated } = layer as unknown as Inside;
  const parts = [cell, ...cells, forwardLayer, backwardLayer, repeated].filter((part) => part !== undefined);
  return [layer, ...parts.flatMap(within)];
}

const drops = (layer: tf.layers.Layer): boolean => {
  const { dropout, recurrentDropout } = layer as unknown as DroppingCell;
  return "dropoutMask" in layer && (dropout > 0 || recurrentDropout > 0);
};

/**
 * Runs `call` with the masks of the cells in a layer drawn by `draws`, and leaves none behind: TensorFlow.js keeps them until the
 * layer is called again.
 *
 * @throws TwotempError `space/dropout` for a layer of noise inside another in training: its draws can't be reached
 */
export function withDropouts<T>(layer: tf.layers.Layer, draws: (() => Random) | undefined, call: () => T): T {
  const parts = within(layer);
  const noise = draws && parts.find(isNoise);
  if (noise) {
    throw new TwotempError(
      "space/dropout",
      `layer ${layer.name} holds ${noise.getClassName()}, whose numbers no seed reaches there: put it before or behind the layer`,
    );
  }
  const cells = parts.filter(drops) as unknown as DroppingCell[];
  const random = cells.length > 0 ? draws?.() : undefined;
  const own = cells.map(({ dropoutFunc }) => dropoutFunc);
  try {
    for (const cell of cells) {
      cell.dropoutFunc = (ones, rate) => keptAtRandom(ones.shape, rate, random!, 1 / (1 - rate));
    }
    return call();
  } finally {
    cells.forEach((cell, i) => {
      cell.dropoutFunc = own[i];
      for (const mask of [cell.dropoutMask, cell.recurrentDropoutMask]) tf.dispose(mask ?? []);
      [cell.dropoutMask, cell.recurrentDropoutMask] = [null, null];
    });
  }
}
