import * as tf from "@tensorflow/tfjs";
import { gate } from "../gate.js";
import type { Estimator, EstimatorStep } from "./estimator.js";
import { twoTemperature } from "./twoTemperature.js";

/** The forward temperature of a step: geometrically from hot to cold over `annealSteps` steps, then cold. */
export function annealedTemperature({ cold, hot, step, annealSteps }: EstimatorStep): number {
  return hot * (cold / hot) ** Math.min(1, step / annealSteps);
}

/**
 * Annealed: the forward gate cools from the hot temperature to the cold one, the hot slope stays backward.
 *
 * `a = s_t(theta)` with `t = th (tc / th)^min(1, step / annealSteps)`, `v = s_th'(theta) g`
 *
 * Source: "The problem" in this project's method notes (docs/theory.md).
 */
export const annealed: Estimator = {
  ...twoTemperature,
  certified: false,
  gate: (x, _noise, at) => gate(x, annealedTemperature(at)),
  numbers: (at) => [1 / annealedTemperature(at)],
  gates: (x, _noise, _at, [sharpness]) => tf.sigmoid(tf.mul<tf.Tensor1D>(x, sharpness)),
};
