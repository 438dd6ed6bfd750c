import type { SearchSpace } from "../space/index.js";
import type { Architecture } from "../space/index.js";
import { type Baseline, type BaselineContext, onlyKind } from "./baseline.js";
import { inputDeviations } from "./inputDeviations.js";

/**
 * The size of what each gate switches in a trained model: `|w|` for a weight; for an input or a unit, the Euclidean
 * norm of all weights that read it.
 */
export function magnitudes(space: SearchSpace, weights: readonly Float32Array[]): Float64Array {
  const scores = new Float64Array(space.gateCount);
  const { plan } = space;
  plan.weights.forEach(({ gateOffset }, w) => {
    if (gateOffset === undefined) return;
    weights[w].forEach((value, i) => (scores[gateOffset + i] = Math.abs(value)));
  });
  for (const call of plan.calls) {
    const gates = call.inputGates[0];
    if (!gates || call.weights.length === 0) continue;
    const kernel = weights[call.weights[0]];
    const shape = plan.weights[call.weights[0]].shape;
    const columns = shape.at(-1)!;
    // A kernel [..., inputs, outputs]: the row of input i in every filter position.
    const inputs = shape.at(-2)!;
    const squares = new Float64Array(inputs);
    kernel.forEach((value, at) => (squares[Math.floor(at / columns) % inputs] += value * value));
    gates.gateOf.forEach((gate, value) => {
      if (gate >= 0) scores[gate] = Math.hypot(scores[gate], Math.sqrt(squares[value % inputs]));
    });
  }
  return scores;
}

async function prune(
  { space, learned, trained }: BaselineContext,
  method: string,
  score: (magnitudes: Float64Array) => Float64Array,
): Promise<Architecture[]> {
  const architectures: Architecture[] = [];
  for (const [i, { density }] of learned.entries()) {
    const scores = score(magnitudes(space, await trained.model(i)));
    architectures.push(space.keepLargest(scores, density, { method, number: i }));
  }
  return architectures;
}

/** Train the full model on the source, keep what is largest, re-initialise. */
export const magnitude: Baseline = {
  name: "magnitude",
  label: "magnitude, re-initialised",
  refuses: () => undefined,
  architectures: (context) => prune(context, "magnitude", (scores) => scores),
};

/** As magnitude, times the standard deviation of each input: what the input contributes rather than its weights. */
export const magnitudeDeviation: Baseline = {
  name: "magnitude-deviation",
  label: "magnitude × input deviation",
  refuses: (space) => (onlyKind(space, "input") ? undefined : "the deviation is that of the inputs"),
  architectures: (context) => {
    const deviations = inputDeviations(context.source);
    return prune(context, "magnitude-deviation", (scores) => scores.map((score, i) => score * deviations[i]));
  },
};
