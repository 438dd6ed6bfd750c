import { Random } from "../../engine/index.js";
import { TwotempError } from "../../errors.js";
import {
  type Accumulators,
  type EstimatorName,
  relaxationSettings,
  type RelaxationSettings,
  type UpdateName,
} from "../../relaxation/index.js";
import { ReferenceRelaxation } from "../../relaxation/referenceRelaxation.js";
import { bestStep } from "../convex.js";
import { Divergence, initialDivergence } from "../divergence.js";
import type { SubsetProblem } from "./problem.js";

/** How a problem of the testbed is searched. */
export interface TestbedOptions {
  /** Default `"mirror"`. */
  readonly update?: UpdateName;
  /** Default `"two-temperature"`. */
  readonly estimator?: EstimatorName;
  /** Points a step, drawn anew; all of them if nothing is said. */
  readonly batch?: number;
  /** Default 200. */
  readonly steps?: number;
  /** Default: what the theorems make best, for gradients of mean square 1 where they need it. */
  readonly stepSize?: number;
  /** Temperatures and box; default `testbedBox`. */
  readonly coldTemperature?: number;
  readonly hotTemperature?: number;
  readonly logitBound?: number;
  /** Where the logits start, [gateCount]; default all 0. */
  readonly initialLogits?: readonly number[];
  /** Default 0. */
  readonly seed?: number;
}

/** Temperatures and box of the testbed. */
export const testbedBox = { coldTemperature: 0.05, hotTemperature: 0.5, logitBound: 2 } as const;

/** A search of a problem with everything that it went through. */
export interface TestbedRun {
  readonly settings: RelaxationSettings;
  readonly fullBatch: boolean;
  readonly steps: number;
  /** `theta_0, ..., theta_T`, each [gateCount]; likewise the gates. */
  readonly logits: readonly Float64Array[];
  readonly gates: readonly Float64Array[];
  /** `g_0, ..., g_{T-1}` */
  readonly gradients: readonly Float64Array[];
  /** `L(a_0), ..., L(a_T)`, over all points. */
  readonly losses: Float64Array;
  /** The open gates at the end. */
  readonly mask: Uint8Array;
  readonly accumulators: Accumulators;
}

/**
 * Searches a problem of the testbed with the relaxation that deep searches use, in float64.
 *
 * @example
 * ```ts
 * const run = runTestbed(subsetProblem({ seed: 3 }), { update: "euler", batch: 32 });
 * certificate(run.accumulators, run.settings, run.mask).atWorst.ratio;
 * ```
 * Source: "How tight it is" in this project's method notes (docs/theory.md).
 */
export function runTestbed(problem: SubsetProblem, options: TestbedOptions = {}): TestbedRun {
  const { update = "mirror", estimator = "two-temperature", batch, steps = 200, seed = 0 } = options;
  const counts = { steps, ...(batch !== undefined && { batch }) };
  for (const [name, count] of Object.entries(counts)) {
    if (!Number.isInteger(count) || count < 1) {
      throw new TwotempError("theory/option", `${name} must be a whole number above 0; got ${count}`);
    }
  }
  const box = {
    coldTemperature: options.coldTemperature ?? testbedBox.coldTemperature,
    hotTemperature: options.hotTemperature ?? testbedBox.hotTemperature,
    logitBound: options.logitBound ?? testbedBox.logitBound,
  };
  const { gateCount, points } = problem;
  const stepSize = options.stepSize ?? defaultStep(update, gateCount, steps, box);
  const { initialLogits } = options;
  const settings = relaxationSettings({
    gateCount,
    update,
    estimator,
    ...box,
    stepSize,
    initialLogits,
    annealSteps: steps,
    seed,
  });
  const relaxation = new ReferenceRelaxation(settings);
  const fullBatch = batch === undefined || batch >= points;

  const logits = [relaxation.logits()];
  const gates = [relaxation.gateValues().slice()];
  const gradients: Float64Array[] = [];
  const losses = new Float64Array(steps + 1);
  losses[0] = problem.loss(gates[0]);
  for (let step = 0; step < steps; step++) {
    const a = gates[step];
    const rows = fullBatch ? undefined : new Random(seed, "testbed batch", step).permutation(points, batch);
    const gradient = problem.gradient(a, rows);
    relaxation.stepValues(gradient, rows ? problem.loss(a, rows) : losses[step]);
    gradients.push(gradient);
    logits.push(relaxation.logits());
    gates.push(relaxation.gateValues().slice());
    losses[step + 1] = problem.loss(gates[step + 1]);
  }
  const mask = Uint8Array.from(logits[steps], (x) => (x > 0 ? 1 : 0));
  const accumulators = relaxation.accumulators();
  return { settings, fullBatch, steps, logits, gates, gradients, losses, mask, accumulators };
}

function defaultStep(
  update: UpdateName,
  gateCount: number,
  steps: number,
  box: { coldTemperature: number; hotTemperature: number; logitBound: number },
): number | undefined {
  const { coldTemperature: cold, hotTemperature: hot, logitBound } = box;
  if (update === "adam") return undefined;
  // The minimum of V / alpha + alpha / (16 tc th), Theorem 8, for a gate that never turns back.
  if (update === "adaptive")
    return Math.sqrt(16 * cold * hot * new Divergence(cold, hot, logitBound).between(0, logitBound));
  const divergence = initialDivergence(new Float64Array(gateCount), new Uint8Array(gateCount), box);
  return bestStep({ cold, hot, divergence, meanSquare: 1, steps });
}
