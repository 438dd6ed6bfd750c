import type * as tf from "@tensorflow/tfjs";
import { TwotempError } from "../errors.js";
import type { Numbers } from "./accumulators.js";
import type { RelaxationState } from "./relaxation.js";
import type { RelaxationSettings } from "./options.js";

/** Refuses a gradient of another size. */
export function checkSize(size: number, gateCount: number): void {
  if (size === gateCount) return;
  throw new TwotempError(
    "relaxation/shape",
    `the gates' gradient must have ${gateCount} entries, one a gate; got ${size}`,
  );
}

/** Refuses a price that is neither one for all gates nor one a gate. */
export function checkPrice(price: tf.Tensor1D | undefined, gateCount: number): void {
  if (!price || price.size === 1 || price.size === gateCount) return;
  throw new TwotempError(
    "relaxation/shape",
    `the price must have 1 entry, or ${gateCount}, one a gate; got ${price.size}`,
  );
}

/** The largest gradient whose square float32 can sum. */
export const largestGradient = 1e18;

/** Names the first entry that isn't finite, if there is one. */
export function checkFinite(gradient: ArrayLike<number>, step: number): void {
  for (let gate = 0; gate < gradient.length; gate++) {
    if (Number.isFinite(gradient[gate])) continue;
    throw new TwotempError(
      "relaxation/not-finite",
      `step ${step}: the gradient of gate ${gate} is ${gradient[gate]}; nothing was updated: lower the step size of the weights or look at the loss`,
    );
  }
}

/** Refuses to learn from a loss that is missing or no number. */
export function checkLoss(loss: number | undefined, estimator: string): number {
  if (loss !== undefined && Number.isFinite(loss)) return loss;
  throw new TwotempError(
    "relaxation/loss",
    `the estimator ${estimator} learns from the loss: step() needs a finite one, got ${loss}`,
  );
}

/** Refuses a state saved by another kind of relaxation. */
export function checkState(state: RelaxationState, settings: RelaxationSettings<Numbers>, precision: string): void {
  const wanted = {
    version: 1,
    precision,
    gateCount: settings.gateCount,
    estimator: settings.estimator,
    update: settings.update,
  };
  for (const [key, value] of Object.entries(wanted)) {
    const found = state[key as keyof RelaxationState];
    if (found === value) continue;
    throw new TwotempError(
      "relaxation/state",
      `the saved relaxation has ${key} ${found}, this one ${value}: load it with the settings that it was saved under`,
    );
  }
}

/** How fast the mean of past losses forgets. */
const lossDecay = 0.9;

/** The running mean of the losses once another one is known. */
export function meanLossAfter(mean: number | undefined, loss: number): number {
  return mean === undefined ? loss : lossDecay * mean + (1 - lossDecay) * loss;
}
