import type * as tf from "@tensorflow/tfjs";
import { TwotempError } from "../../errors.js";

/** What an operation is told where it is put. */
export interface Placement {
  /** Names the layers that it makes. */
  readonly name: string;
  /** Channels that come out; operations without weights ask for a number that they can make. */
  readonly filters: number;
  /** Positions that it moves on by: 1 keeps the height and width, 2 halves them (rounded up). */
  readonly stride: number;
}

/**
 * One operation that an edge of a network may offer: [height, width, channels] in, ceil(height / stride) x
 * ceil(width / stride) x filters out.
 */
export interface Operation {
  readonly name: string;
  apply(value: tf.SymbolicTensor, placement: Placement): tf.SymbolicTensor;
}

/** Applies one layer. */
export const then = (value: tf.SymbolicTensor, layer: tf.layers.Layer): tf.SymbolicTensor =>
  layer.apply(value) as tf.SymbolicTensor;

/** The single input of a layer's call. */
export const only = (inputs: tf.Tensor | tf.Tensor[]): tf.Tensor4D =>
  (Array.isArray(inputs) ? inputs[0] : inputs) as tf.Tensor4D;

/** Refuses a number of channels that an operation without weights can't make. */
export function requireChannels(operation: string, value: tf.SymbolicTensor, filters: number): void {
  const channels = value.shape.at(-1);
  if (channels !== filters) {
    throw new TwotempError(
      "models/operation",
      `${operation} makes as many channels as it reads: ${channels}, asked for ${filters}`,
    );
  }
}
