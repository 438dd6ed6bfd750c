import type * as tf from "@tensorflow/tfjs";
import type { Accumulators, Numbers, PendingSums } from "./accumulators.js";
import { type RelaxationOptions, relaxationSettings, type RelaxationSettings } from "./options.js";
import { ReferenceRelaxation } from "./referenceRelaxation.js";
import { TensorRelaxation } from "./tensorRelaxation.js";

/** Gates that are being learned: logits, the gates that they open, and how gradients move them. */
export interface Relaxation {
  /** The initial logits are in the precision in which they move. */
  readonly settings: RelaxationSettings<Numbers>;
  /** Steps taken. */
  readonly steps: number;
  /** The forward gates of the current step, float32 [gateCount]; owned by the relaxation, valid until the next step. */
  gates(): tf.Tensor1D;
  /** The sum of {@link gates}, where it has been computed beside them. */
  gateSum(): number | undefined;
  /**
   * Moves the logits along the gradient of the objective with respect to the gates, taken at {@link gates}.
   *
   * @param gateGradient - [gateCount]; stays the caller's
   * @param loss - the objective's value, for estimators that learn from it
   * @param price - what is still to be added to the gradient, [gateCount], or [1] where it is the same for all gates; the caller's
   * @throws TwotempError `relaxation/not-finite` naming step and gate; nothing has changed then
   * @throws TwotempError `relaxation/shape` for a gradient of another size; `relaxation/loss` for a missing loss
   */
  step(gateGradient: tf.Tensor1D, loss?: number, price?: tf.Tensor1D): void;
  /** A copy of the logits, [gateCount], in the precision in which they move. */
  logits(): Numbers;
  /**
   * What the certificate needs, summed over all steps.
   *
   * @param options - `ended`: no step follows, so that what fills much memory needn't be copied
   */
  accumulators(options?: { readonly ended?: boolean }): Accumulators;
  /** All that is needed to go on exactly from here. */
  save(): RelaxationState;
  /**
   * Goes on from a saved state; the settings must be those it was saved under.
   *
   * @throws TwotempError `relaxation/state` if the state isn't of this kind of relaxation
   */
  load(state: RelaxationState): void;
  /** Frees the tensors; nothing else may be called afterwards. */
  dispose(): void;
}

/** A relaxation at rest, as plain data: numbers and typed arrays. */
export interface RelaxationState {
  readonly version: 1;
  readonly precision: "float64" | "float32";
  readonly gateCount: number;
  readonly estimator: string;
  readonly update: string;
  readonly steps: number;
  readonly logits: Numbers;
  readonly memory: readonly Numbers[];
  readonly meanLoss: number | undefined;
  readonly accumulators: Accumulators;
  /** What isn't in the accumulators yet; nothing in float64. */
  readonly pending: PendingSums;
}

/** Up to this many gates everything is computed in float64, the same on every engine. */
export const referenceGates = 16_384;

/**
 * A relaxation of `gateCount` gates.
 *
 * Up to {@link referenceGates} gates the logits live in float64 and are moved by the reference formulas; beyond, they are
 * float32 tensors moved by few large operations.
 *
 * @throws TwotempError `relaxation/option` for settings that can't be
 * @example
 * ```ts
 * const relaxation = createRelaxation({ gateCount: 64, update: "mirror", stepSize: 0.1 });
 * const { value, grad } = tf.valueAndGrad(objective)(relaxation.gates());
 * relaxation.step(grad);
 * ```
 */
export function createRelaxation(options: RelaxationOptions): Relaxation {
  const settings = relaxationSettings(options);
  return settings.gateCount <= referenceGates ? new ReferenceRelaxation(settings) : new TensorRelaxation(settings);
}
