import { gate, gateSlope } from "../../relaxation/index.js";
import { adaptiveBounds } from "../adaptivePath.js";
import { approximationBound, approximationError, classicalRate } from "../approximation.js";
import type { Bound } from "../bound.js";
import { certificate } from "../certificate.js";
import { convexRate } from "../convex.js";
import { descent, type DescentRun, stationarity } from "../descent.js";
import { discretisationGap } from "../discretisation.js";
import type { Optimum } from "./enumerate.js";
import type { SubsetProblem } from "./problem.js";
import type { TestbedRun } from "./run.js";

/**
 * Every theorem that says something about a run of the testbed, evaluated on it, beside the enumerated optimum.
 *
 * @returns the bounds whose assumptions the run has; the comparator is the optimum, unless the bound says otherwise
 *
 * Source: Theorems 1 to 5 and 8 of this project's method notes (docs/theory.md).
 */
export function theoremsOf(problem: SubsetProblem, optimum: Optimum, run: TestbedRun): Bound[] {
  const bounds = [
    ...regretBounds(optimum, run),
    meanGates(problem, optimum, run),
    ...restBounds(problem, run),
    gapBound(problem, run),
    errorBound(run),
  ];
  return bounds.filter((bound) => bound.holds !== undefined);
}

function regretBounds(optimum: Optimum, run: TestbedRun): Bound[] {
  const { accumulators, settings } = run;
  const { atFinal, atWorst, atTightestGate, fromBelow } = certificate(accumulators, settings, run.mask);
  const atOptimum = { ...certificate(accumulators, settings, optimum.mask).atFinal, what: "regret at the optimum" };
  const path = {
    cold: settings.coldTemperature,
    hot: settings.hotTemperature,
    radius: settings.logitBound,
    stepSize: settings.stepSize,
    logits: run.logits,
    gradients: run.gradients,
  };
  const lines = settings.update === "adaptive" ? adaptiveBounds(path, optimum.mask) : [];
  return [atFinal, atWorst, atOptimum, ...[atTightestGate, fromBelow].flatMap((side) => side ?? []), ...lines];
}

function meanGates(problem: SubsetProblem, optimum: Optimum, run: TestbedRun): Bound {
  const { settings, steps, gates, gradients, losses } = run;
  const { logitBound, coldTemperature } = settings;
  // The comparator is a vertex of the box, a hair inside the architecture that was enumerated.
  const comparator = Float64Array.from(optimum.mask, (open) => gate(open ? logitBound : -logitBound, coldTemperature));
  const mean = new Float64Array(problem.gateCount);
  let noise = 0;
  for (let t = 0; t < steps; t++) {
    const full = run.fullBatch ? gradients[t] : problem.gradient(gates[t]);
    for (let i = 0; i < mean.length; i++) {
      mean[i] += gates[t][i] / steps;
      noise += (full[i] - gradients[t][i]) * (gates[t][i] - comparator[i]);
    }
  }
  const { right } = certificate(run.accumulators, settings, optimum.mask).atFinal;
  return convexRate({
    lossOfMean: problem.loss(mean),
    meanLoss: losses.subarray(0, steps).reduce((sum, loss) => sum + loss / steps, 0),
    comparatorLoss: problem.loss(comparator),
    // Without a theorem there is no bound to divide by the steps.
    regretBound: right ?? NaN,
    steps,
    convex: right !== undefined,
    noise,
  });
}

/** The run as Theorem 3 sees it. */
export function descentRun(problem: SubsetProblem, run: TestbedRun): DescentRun {
  const { settings, gates } = run;
  const moves = gates.slice(1).map((a, t) => a.reduce((sum, x, i) => sum + (x - gates[t][i]) ** 2, 0));
  return {
    cold: settings.coldTemperature,
    hot: settings.hotTemperature,
    stepSize: settings.stepSize,
    smoothness: problem.smoothness,
    update: settings.update,
    fullBatch: run.fullBatch,
    losses: run.losses,
    moves,
  };
}

/** Nothing lies below 0 on the testbed, which is all that the run's coming to rest needs. */
function restBounds(problem: SubsetProblem, run: TestbedRun): Bound[] {
  const seen = descentRun(problem, run);
  return [descent(seen), stationarity(seen, 0)];
}

function gapBound(problem: SubsetProblem, run: TestbedRun): Bound {
  const gates = run.gates[run.steps];
  return discretisationGap({
    gates,
    mask: run.mask,
    lossOfGates: problem.loss(gates),
    lossOfMask: problem.loss(run.mask),
    gradientAtGates: problem.gradient(gates),
    gradientAtMask: problem.gradient(run.mask),
    convex: true,
  }).bound;
}

/** The step with the largest error for its gradient. */
function errorBound({ settings, gradients, logits }: TestbedRun): Bound {
  const { coldTemperature: cold, hotTemperature: hot, logitBound } = settings;
  const errors = gradients.map((g, t) => approximationError(logits[t], g, cold, hot) / Math.hypot(...g));
  const most = errors.reduce((best, error, t) => (error > errors[best] ? t : best), 0);
  return approximationBound(logits[most], gradients[most], cold, hot, logitBound);
}

/**
 * What the classical analysis promises of a run, see {@link classicalRate}.
 *
 * @param lowest - `min F` on the box
 * @param convex - whether the relaxed loss `F` is convex on the box; that of the testbed isn't
 */
export function classicalBound(
  problem: Pick<SubsetProblem, "gateCount" | "loss">,
  run: TestbedRun,
  lowest: number,
  convex: boolean,
): Bound {
  const { settings, steps, gradients, logits } = run;
  const { coldTemperature: cold, hotTemperature: hot, stepSize, logitBound: radius } = settings;
  const { gateCount } = problem;
  const pulls = gradients.map((g, t) => g.reduce((sum, x, i) => sum + (x * gateSlope(logits[t][i], hot)) ** 2, 0));
  const mean = Array.from(
    { length: gateCount },
    (_, i) => logits.slice(0, steps).reduce((sum, theta) => sum + theta[i], 0) / steps,
  );
  return classicalRate({
    gateCount,
    radius,
    stepSize,
    steps,
    meanSquare: pulls.reduce((sum, square) => sum + square, 0) / steps,
    largestError: Math.max(...gradients.map((g, t) => approximationError(logits[t], g, cold, hot))),
    lossOfMean: problem.loss(mean.map((x) => gate(x, cold))),
    lowest,
    convex,
  });
}
