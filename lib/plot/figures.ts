export { gateHistogram } from "./gateHistogram.js";
export { keptGates } from "./keptGates.js";
export { searchCurves } from "./searchCurves.js";
export { effects, transfer } from "./transfer.js";
