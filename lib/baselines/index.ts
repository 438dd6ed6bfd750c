import type { Baseline } from "./baseline.js";
import { bestRandom } from "./bestRandom.js";
import { adam, gumbelSigmoid, hardConcrete, mirror, reinforce, straightThrough } from "./searched.js";
import { fineTuned } from "./fineTuned.js";
import { full } from "./full.js";
import { grasp } from "./grasp.js";
import { lenetInSpace, linearInputs, scattering } from "./handMade.js";
import { inverted } from "./inverted.js";
import { iterativeMagnitude } from "./iterativeMagnitude.js";
import { linearProbe } from "./linearProbe.js";
import { magnitude, magnitudeDeviation, magnitudeKept } from "./magnitude.js";
import { ownDraw } from "./ownDraw.js";
import { random } from "./random.js";
import { randomErk } from "./randomErk.js";
import { randomOperations } from "./randomOperations.js";
import { randomVarying } from "./randomVarying.js";
import { shuffled } from "./shuffled.js";
import { smallMultiplyAdds, smallParameters } from "./smallDense.js";
import { snip } from "./snip.js";
import { synflow } from "./synflow.js";

export type { Baseline, BaselineContext, Candidate } from "./baseline.js";
export { graspScores } from "./grasp.js";
export { inputDeviations } from "./inputDeviations.js";
export { reasonOf } from "./refusal.js";
export { snipScores } from "./snip.js";
export { synflowScores } from "./synflow.js";
export { TrainedModels } from "./trainedModels.js";

const registry: readonly Baseline[] = [
  random,
  randomErk,
  randomVarying,
  randomOperations,
  bestRandom,
  shuffled,
  inverted,
  ownDraw,
  magnitude,
  magnitudeDeviation,
  magnitudeKept,
  iterativeMagnitude,
  snip,
  grasp,
  synflow,
  gumbelSigmoid,
  hardConcrete,
  reinforce,
  straightThrough,
  mirror,
  adam,
  smallParameters,
  smallMultiplyAdds,
  lenetInSpace,
  scattering,
  linearInputs,
  full,
  fineTuned,
  linearProbe,
];

/** Every baseline by its name. */
export const baselines: Readonly<Record<string, Baseline>> = Object.fromEntries(
  registry.map((baseline) => [baseline.name, baseline]),
);

/** The controls of a comparison if nothing is said: the cheap ones, in the order of tables and figures. */
export const controls: readonly Baseline[] = [random, randomVarying, shuffled, magnitude, magnitudeDeviation, full];
