export { explorer } from "./explorer.js";
export { gateHistogram } from "./gateHistogram.js";
export { keptGates } from "./keptGates.js";
export { overlap } from "./overlap.js";
export { searchCurves } from "./searchCurves.js";
export { effects, transfer } from "./transfer.js";
