import { Random } from "../../lib/engine/random.js";
import type { RelaxationSettings } from "../../lib/relaxation/index.js";
import { ReferenceRelaxation } from "../../lib/relaxation/referenceRelaxation.js";

/** A sequence of gradients, which may look at the gates: an adversary. */
export type Adversary = (a: Float64Array, step: number, random: Random) => Float64Array;

/** Kinds of gradient sequences, from plain to nasty. */
export const adversaries: Record<string, Adversary> = {
  normal: (a, _step, random) => a.map(() => random.normal()),
  constant: (a) => a.map((_, i) => (i % 2 === 0 ? 1 : -0.7)),
  flipping: (a, step) => a.map((_, i) => ((step + i) % 2 === 0 ? 1 : -1)),
  slowFlipping: (a, step) => a.map(() => (step % 14 < 7 ? 1 : -1)),
  huge: (a, _step, random) => a.map(() => 1e6 * random.normal()),
  tiny: (a, _step, random) => a.map(() => 1e-9 * random.normal()),
  sparse: (a, _step, random) => a.map(() => (random.uniform() < 0.1 ? random.normal() : 0)),
  heavyTailed: (a, _step, random) => a.map(() => random.normal() / (random.uniform() + 1e-3)),
  growing: (a, step, random) => a.map(() => 1.2 ** step * random.normal()),
  fading: (a, step, random) => a.map(() => 0.7 ** step * random.normal()),
  lateBurst: (a, step) => a.map(() => (step > 12 ? 1 : 0)),
  awayFromTheGates: (a) => a.map((x) => (x > 0.5 ? 1 : -1)),
  towardsTheGates: (a) => a.map((x) => (x > 0.5 ? -1 : 1)),
  trapAndPull: (a, step) => a.map(() => (step < 10 ? -1 : 1)),
};

/** A whole run of a relaxation against an adversary; `watch` sees the logits before each step. */
export function contest(
  settings: RelaxationSettings,
  adversary: Adversary,
  steps: number,
  key: number,
  watch?: (logits: Float64Array) => void,
): ReferenceRelaxation {
  const relaxation = new ReferenceRelaxation(settings);
  const random = new Random(key, "adversary");
  for (let step = 0; step < steps; step++) {
    watch?.(relaxation.logits());
    relaxation.stepValues(adversary(relaxation.gateValues(), step, random));
  }
  return relaxation;
}

/** Settings drawn over several orders of magnitude. */
export function randomSettings(
  random: Random,
  update: RelaxationSettings["update"],
  gateCount: number,
): RelaxationSettings {
  const coldTemperature = 10 ** (-2 + 2 * random.uniform());
  const hotTemperature = coldTemperature * (random.uniform() < 0.2 ? 1 : 10 ** (1.5 * random.uniform()));
  const logitBound = hotTemperature * 10 ** (-0.7 + 1.4 * random.uniform());
  const initialLogits = Float64Array.from({ length: gateCount }, () => logitBound * (2 * random.uniform() - 1));
  // Around the step sizes at which both terms of the bound matter.
  const stepSize =
    (update === "adaptive" ? hotTemperature : coldTemperature) * hotTemperature * 10 ** (-2 + 3.5 * random.uniform());
  return {
    gateCount,
    estimator: "two-temperature",
    update,
    coldTemperature,
    hotTemperature,
    logitBound,
    stepSize,
    initialLogits,
    annealSteps: 1,
    seed: 0,
  };
}

/** The architecture of the open gates. */
export function maskOf(logits: ArrayLike<number>): Uint8Array {
  return Uint8Array.from(logits, (x) => (x > 0 ? 1 : 0));
}
