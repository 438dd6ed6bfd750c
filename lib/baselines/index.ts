import type { Baseline } from "./baseline.js";
import { full } from "./full.js";
import { magnitude, magnitudeDeviation } from "./magnitude.js";
import { random } from "./random.js";
import { randomVarying } from "./randomVarying.js";
import { shuffled } from "./shuffled.js";

export type { Baseline, BaselineContext } from "./baseline.js";
export { inputDeviations } from "./inputDeviations.js";
export { TrainedModels } from "./trainedModels.js";

/** Every control of a comparison, in the order of tables and figures. */
export const controls: readonly Baseline[] = [random, randomVarying, shuffled, magnitude, magnitudeDeviation, full];
