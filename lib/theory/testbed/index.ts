export { certify, type CertifiedRow, type CertifiedRun } from "./certify.js";
export { compareEstimators, type CompareOptions, type EstimatorScore, type Scored } from "./compareEstimators.js";
export { enumerate, type Optimum } from "./enumerate.js";
export { type SubsetData, subsetProblem, type SubsetProblem, type SubsetProblemOptions } from "./problem.js";
export { type RateStudy, rateStudy } from "./rates.js";
export { runTestbed, type TestbedOptions, type TestbedRun } from "./run.js";
export { classicalBound, descentRun, theoremsOf } from "./theorems.js";
export {
  type ConvergenceStudy,
  convergenceStudy,
  type Landscape,
  type RegretCurve,
  regretCurve,
  type SliderName,
  type SliderValues,
  type StudiedRun,
} from "./study.js";
export { compareTemperatures, type TemperatureRow, type Temperatures } from "./temperatures.js";
