import "./displays.js";

export { type BrowserChoice, findBrowser } from "./browser.js";
export { effectFigures, tablePath, type ExperimentEffect, readEffects, readTable } from "./effectFigures.js";
export { type Figure, type FigureOptions, type PlotlyObject, type Table, toCsv, withTheme } from "./figure.js";
export * as figures from "./figures.js";
export { gateFigures, type KeptGate } from "./keptBySource.js";
export type { HasGates, KeptGates } from "./keptGates.js";
export * as live from "./live.js";
export { type Displayable, jupyterDisplay, mimeBundle } from "./mime.js";
export { progressBar } from "./progressBar.js";
export type { Traced } from "./searchCurves.js";
export type { SearchUnderWay } from "./searchPanel.js";
export { saveRun } from "./saveRun.js";
export { show } from "./show.js";
export { closeBrowser, png, saveFigure, type SavedFigure, type StillOptions, svg } from "./stills.js";
export type { WithEffects } from "./transfer.js";
export { type ArmStyle, armStyle, palette, type Theme } from "./style.js";
export { convergenceExplorer } from "./theory/convergenceExplorer.js";
