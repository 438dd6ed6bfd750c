export { bounds, certificate } from "./bounds.js";
export { contactSheet } from "./contactSheet.js";
export { explorer } from "./explorer.js";
export { gateHistogram } from "./gateHistogram.js";
export { keptGates } from "./keptGates.js";
export { overlap } from "./overlap.js";
export { searchCurves } from "./searchCurves.js";
export { searchPanel } from "./searchPanel.js";
export { effects, transfer } from "./transfer.js";
