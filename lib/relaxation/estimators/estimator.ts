import type * as tf from "@tensorflow/tfjs";

/** Of the gates forward, and of the slope backward. */
export interface Temperatures {
  readonly cold: number;
  readonly hot: number;
}

/** What an estimator may look at in a step. */
export interface EstimatorStep extends Temperatures {
  readonly step: number;
  readonly annealSteps: number;
  /** The step's loss less the running mean of the losses before; 0 while the gates are asked for. */
  readonly advantage: number;
}

/**
 * How a logit becomes a gate, and how the gate's gradient comes back to the logit.
 *
 * Each formula stands twice: for one gate in float64, which is the reference, and for all gates as tensors.
 */
export interface Estimator {
  /** Whether a step draws a standard logistic number for each gate. */
  readonly noisy: boolean;
  /** Whether it learns from the loss instead of the gates' gradient. */
  readonly needsLoss: boolean;
  /** Whether the way back is the slope of a gate at the hot temperature: then the mirror updates apply. */
  readonly hotSlope: boolean;
  /** Whether the gates are those of the cold temperature too: then the theorems of the two temperatures apply. */
  readonly certified: boolean;

  /** The gate of logit `x`; `noise` is 0 for estimators without. */
  gate(x: number, noise: number, at: EstimatorStep): number;
  /** What stands for the gradient with respect to the logit, where `g` is that with respect to the gate. */
  pull(x: number, g: number, noise: number, at: EstimatorStep): number;

  /** The numbers of a step that the tensor forms take as scalars, since they are compiled once for all steps. */
  numbers(at: EstimatorStep): readonly number[];
  gates(x: tf.Tensor1D, noise: tf.Tensor1D | undefined, at: Temperatures, numbers: readonly tf.Scalar[]): tf.Tensor1D;
  pulls(
    x: tf.Tensor1D,
    g: tf.Tensor1D,
    noise: tf.Tensor1D | undefined,
    at: Temperatures,
    numbers: readonly tf.Scalar[],
  ): tf.Tensor1D;
}
