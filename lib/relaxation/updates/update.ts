import type * as tf from "@tensorflow/tfjs";
import type { Estimator } from "../estimators/index.js";

/** What stays the same for all steps of an update. */
export interface UpdateSettings {
  readonly hot: number;
  readonly bound: number;
  readonly stepSize: number;
}

/** What an update may look at in a step. */
export interface UpdateStep extends UpdateSettings {
  /** Counts from 0. */
  readonly step: number;
}

/**
 * How the logits move. Each formula stands twice: in float64, which is the reference, and as tensors.
 *
 * `memory` are the vectors that an update keeps from step to step.
 */
export interface Update {
  /** Used where no step size is given; without one, the caller has to say. */
  readonly defaultStepSize: number | undefined;
  /** Whether the update goes with an estimator. */
  takes(estimator: Estimator): boolean;

  /** Whether its certificate needs the largest entry of the gradient. */
  readonly needsLargest: boolean;

  /** The memory before the first step. */
  memory(gateCount: number): Float64Array[];
  /** Moves `logits` and `memory` in place; `g` is the gates' gradient, `v` the logits'. */
  move(logits: Float64Array, memory: Float64Array[], g: Float64Array, v: Float64Array, at: UpdateStep): void;

  /** The memory of the tensor form, from the logits at the start. */
  tensorMemory(logits: Float64Array, hot: number): Float64Array[];
  /** The numbers of a step that the tensor form takes as scalars, since it is compiled once for all steps. */
  numbers(at: UpdateStep): readonly number[];
  /** The new logits, then the new memory; looks at no value. */
  moveTensors(
    logits: tf.Tensor1D,
    memory: readonly tf.Tensor1D[],
    g: tf.Tensor1D,
    v: () => tf.Tensor1D,
    at: UpdateSettings,
    numbers: readonly tf.Scalar[],
  ): tf.Tensor1D[];
}

/** `x` moved into `[-bound, bound]`. */
export function clip(x: number, bound: number): number {
  return Math.min(bound, Math.max(-bound, x));
}
