import { twoTemperature } from "./twoTemperature.js";
import type { Estimator } from "./estimator.js";

/**
 * One temperature: the true gradient of the relaxed objective. The two-temperature estimator with `th = tc`; the
 * settings see to the equality.
 *
 * `a = s_tc(theta)`, `v = s_tc'(theta) g`
 *
 * Source: section 2 of this project's method notes.
 */
export const oneTemperature: Estimator = { ...twoTemperature };
