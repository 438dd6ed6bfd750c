export type { Accumulators, Numbers } from "./accumulators.js";
export { type EstimatorName, estimators } from "./estimators/index.js";
export { gate, gateSlope } from "./gate.js";
export { mirrorInverse, mirrorMap } from "./mirrorMap.js";
export { type RelaxationOptions, relaxationSettings, type RelaxationSettings } from "./options.js";
export { createRelaxation, referenceGates, type Relaxation, type RelaxationState } from "./relaxation.js";
export { type UpdateName, updates } from "./updates/index.js";
