import { twoTemperature } from "./twoTemperature.js";
import type { Estimator } from "./estimator.js";

/**
 * One temperature: the true gradient of the relaxed objective. The two-temperature estimator with `th = tc`; the
 * settings see to the equality.
 *
 * `a = s_tc(theta)`, `v = s_tc'(theta) g`
 *
 * Source: "The problem" in this project's method notes (docs/theory.md).
 */
export const oneTemperature: Estimator = { ...twoTemperature };
