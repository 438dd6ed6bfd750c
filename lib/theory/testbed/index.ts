export { certify, type CertifiedRow, type CertifiedRun } from "./certify.js";
export { compareEstimators, type CompareOptions, type EstimatorScore, type Scored } from "./compareEstimators.js";
export { enumerate, type Optimum } from "./enumerate.js";
export { subsetProblem, type SubsetProblem, type SubsetProblemOptions } from "./problem.js";
export { runTestbed, type TestbedOptions, type TestbedRun } from "./run.js";
export { descentRun, theoremsOf } from "./theorems.js";
export {
  type ConvergenceStudy,
  convergenceStudy,
  type RateStudy,
  rateStudy,
  type RegretCurve,
  regretCurve,
  type SliderName,
  type StudiedRun,
} from "./study.js";
