import * as tf from "@tensorflow/tfjs";
import { twoTemperature } from "./twoTemperature.js";
import type { Estimator } from "./estimator.js";

/**
 * Identity straight-through: the cold gate forward, a constant slope backward; two temperatures as the hot one grows,
 * with the scale that the hot slope has at 0.
 *
 * `a = s_tc(theta)`, `v = g / (4 th)`
 *
 * Source: "The problem" in this project's method notes (docs/theory.md).
 */
export const identityStraightThrough: Estimator = {
  ...twoTemperature,
  hotSlope: false,
  certified: false,
  pull: (_x, g, _noise, { hot }) => g / (4 * hot),
  pulls: (_x, g, _noise, { hot }) => tf.mul(g, 1 / (4 * hot)),
};
