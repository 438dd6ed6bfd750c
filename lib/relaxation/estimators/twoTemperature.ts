import { gate, gateSlope } from "../gate.js";
import type { Estimator } from "./estimator.js";
import { gateTensor, slopeTensor } from "./slopes.js";

/**
 * Two temperatures: the cold gate forward, the hot slope backward.
 *
 * `a = s_tc(theta)`, `v = s_th'(theta) g`
 *
 * Source: "The problem" in this project's method notes (docs/theory.md).
 */
export const twoTemperature: Estimator = {
  noisy: false,
  needsLoss: false,
  hotSlope: true,
  certified: true,
  gate: (x, _noise, { cold }) => gate(x, cold),
  pull: (x, g, _noise, { hot }) => gateSlope(x, hot) * g,
  numbers: () => [],
  gates: (x, _noise, { cold }) => gateTensor(x, cold),
  pulls: (x, g, _noise, { hot }) => slopeTensor(x, g, hot),
};
