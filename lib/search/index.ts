export { type SearchOptions, type SearchSettings, searchSettings } from "./options.js";
export { resumeSearch, search, Search, type SearchCheckpoint, type SearchStep, type StepObserver } from "./search.js";
export { type WeightStrategyName, weightStrategies } from "./strategies/index.js";
export { histogramBins, type SearchTrace, type TraceEntry } from "./trace.js";
export { ridgePredictions } from "./ridge.js";
export { searches } from "./searches.js";
export { train, type TrainOptions } from "./train.js";
