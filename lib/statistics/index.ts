/**
 * Statistics of experiments, as pure functions: effects with calibrated bootstrap intervals, Holm's correction, and the
 * split of a variance by its sources.
 */
export { average, effect, type Average, type Effect, type EffectOptions } from "./effect.js";
export { type BootstrapOptions, type Interval } from "./bootstrap.js";
export { type Measurement } from "./table.js";
export { holm } from "./holm.js";
export { varianceParts, type CrossedMeasurement, type VarianceParts } from "./variance.js";
