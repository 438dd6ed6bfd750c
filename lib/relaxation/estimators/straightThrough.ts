import * as tf from "@tensorflow/tfjs";
import { twoTemperature } from "./twoTemperature.js";
import type { Estimator } from "./estimator.js";

/**
 * Straight-through: a hard gate forward, the hot slope backward; two temperatures as `tc -> 0`.
 *
 * `a = 1[theta > 0]`, `v = s_th'(theta) g`
 *
 * Source: "The problem" in this project's method notes (docs/theory.md); Bengio, Léonard and Courville, *Estimating or
 * Propagating Gradients Through Stochastic Neurons*, 2013.
 */
export const straightThrough: Estimator = {
  ...twoTemperature,
  certified: false,
  gate: (x) => (x > 0 ? 1 : 0),
  gates: (x) => tf.cast<tf.Tensor1D>(tf.greater<tf.Tensor1D>(x, 0), "float32"),
};
