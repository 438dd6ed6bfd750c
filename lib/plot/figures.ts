export { gateHistogram } from "./gateHistogram.js";
export { keptGates } from "./keptGates.js";
export { searchCurves } from "./searchCurves.js";
export { accuracyByShots, type ArmAccuracy, effects, type TransferEffect } from "./transfer.js";
