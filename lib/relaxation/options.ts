import { TwotempError } from "../errors.js";
import type { Numbers } from "./accumulators.js";
import { estimators, type EstimatorName } from "./estimators/index.js";
import { updates, type UpdateName } from "./updates/index.js";

/** How gates are relaxed and their logits moved. */
export interface RelaxationOptions {
  /** Number of gates `D`. */
  readonly gateCount: number;
  /** How gradients reach the logits; default `"two-temperature"`. */
  readonly estimator?: EstimatorName;
  /** How the logits move; default `"adaptive"`. */
  readonly update?: UpdateName;
  /** Forward temperature `tc`; default 0.05: gates are nearly binary. */
  readonly coldTemperature?: number;
  /** Backward temperature `th`, at least `tc`; default 1: gradients get through. */
  readonly hotTemperature?: number;
  /** Radius `R` of the box of the logits; default 3. */
  readonly logitBound?: number;
  /** `eta` for euler and mirror, no default; `alpha` for adaptive, default 1; Adam's step, default 0.02. */
  readonly stepSize?: number;
  /** Where the logits start, inside the box; default all 0: every gate half open. */
  readonly initialLogits?: ArrayLike<number>;
  /** Steps over which `annealed` cools; default 1000. */
  readonly annealSteps?: number;
  /** Seed of the estimators that draw; default 0. */
  readonly seed?: number;
}

/** Options with every default filled in, and checked. */
export interface RelaxationSettings<Vector extends Numbers = Float64Array> extends Required<
  Omit<RelaxationOptions, "initialLogits">
> {
  readonly initialLogits: Vector;
}

/** `R / th` beyond which `sinh` leaves the range of float32. */
export const largestRatio = 80;

/** `R / tc` up to which certificates are computed: their memory grows with it. */
const steepest = 1e6;

/**
 * Fills in the defaults and checks every value.
 *
 * @throws TwotempError `relaxation/option` naming the first value that can't be, and what can
 * @example
 * ```ts
 * relaxationSettings({ gateCount: 64 }).coldTemperature; // 0.05
 * ```
 */
export function relaxationSettings(options: RelaxationOptions): RelaxationSettings {
  const { gateCount, estimator = "two-temperature", update = "adaptive", seed = 0, annealSteps = 1000 } = options;
  if (!Number.isInteger(gateCount) || gateCount < 1) invalid("gateCount", gateCount, "a whole number of at least 1");
  if (!Object.hasOwn(estimators, estimator)) invalid("estimator", estimator, Object.keys(estimators).join(", "));
  if (!Object.hasOwn(updates, update)) invalid("update", update, Object.keys(updates).join(", "));
  const coldTemperature = positive("coldTemperature", options.coldTemperature ?? 0.05);
  const logitBound = positive("logitBound", options.logitBound ?? 3);
  // With one temperature the backward pass has the forward pass's.
  const oneTemperature = estimator === "one-temperature";
  const hotTemperature = oneTemperature ? coldTemperature : positive("hotTemperature", options.hotTemperature ?? 1);
  if (hotTemperature < coldTemperature) {
    invalid("hotTemperature", hotTemperature, `at least coldTemperature, which is ${coldTemperature}`);
  }
  if (!updates[update].takes(estimators[estimator])) {
    const fitting = Object.keys(updates).filter((name) => updates[name as UpdateName].takes(estimators[estimator]));
    invalid("update", update, `one that goes with the estimator ${estimator}: ${fitting.join(", ")}`);
  }
  if (logitBound / hotTemperature > largestRatio) {
    const most = largestRatio * hotTemperature;
    invalid("logitBound", logitBound, `at most ${largestRatio} times the backward temperature, here ${most}`);
  }
  if (logitBound / coldTemperature > steepest) {
    invalid("coldTemperature", coldTemperature, `at least logitBound / ${steepest}, here ${logitBound / steepest}`);
  }
  const stepSize = options.stepSize ?? updates[update].defaultStepSize;
  if (stepSize === undefined) invalid("stepSize", undefined, `a positive number for the update ${update}`);
  positive("stepSize", stepSize);
  if (!Number.isInteger(annealSteps) || annealSteps < 1) invalid("annealSteps", annealSteps, "a whole number above 0");
  if (!Number.isFinite(seed)) invalid("seed", seed, "a finite number");
  const initialLogits = Float64Array.from(options.initialLogits ?? new Float64Array(gateCount));
  if (initialLogits.length !== gateCount) {
    invalid("initialLogits", `${initialLogits.length} numbers`, `one number a gate, ${gateCount} in all`);
  }
  initialLogits.forEach((logit, gate) => {
    // Written so that NaN is refused too.
    if (!(Math.abs(logit) <= logitBound)) {
      invalid(`initialLogits[${gate}]`, logit, `inside the box [-${logitBound}, ${logitBound}]`);
    }
  });
  return {
    gateCount,
    estimator,
    update,
    coldTemperature,
    hotTemperature,
    logitBound,
    stepSize,
    initialLogits,
    annealSteps,
    seed,
  };
}

function positive(name: string, value: number): number {
  if (!(value > 0 && value < Infinity)) invalid(name, value, "a finite number above 0");
  return value;
}

function invalid(name: string, value: unknown, wanted: string): never {
  throw new TwotempError("relaxation/option", `${name} must be ${wanted}; got ${value}`);
}
