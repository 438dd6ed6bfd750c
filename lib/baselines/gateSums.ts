import type { LayerCall, SearchSpace } from "../space/index.js";

/** Where a kernel's inputs stand: [..., inputs, outputs], of transposed convolutions [..., outputs, inputs]. */
const inputAxis = ({ layer }: LayerCall): -1 | -2 => (layer.getClassName().endsWith("Transpose") ? -1 : -2);

/**
 * For each gate the sum of something over the weights that it switches: a weight gate's own weight; for an input or a
 * unit, all weights that read it.
 *
 * @param values - one array a weight of the plan
 * @returns [gateCount]
 */
export function gateSums({ plan, gateCount }: SearchSpace, values: readonly ArrayLike<number>[]): Float64Array {
  const sums = new Float64Array(gateCount);
  plan.weights.forEach(({ gateOffset }, w) => {
    if (gateOffset === undefined) return;
    for (let i = 0; i < values[w].length; i++) sums[gateOffset + i] = values[w][i];
  });
  for (const call of plan.calls) {
    const gates = call.inputGates[0];
    if (!gates || call.weights.length === 0) continue;
    const kernel = values[call.weights[0]];
    const { shape } = plan.weights[call.weights[0]];
    const inputs = shape.at(inputAxis(call))!;
    // The entries of input i in every filter position.
    const stride = inputAxis(call) === -1 ? 1 : shape.at(-1)!;
    const rows = new Float64Array(inputs);
    for (let at = 0; at < kernel.length; at++) rows[Math.floor(at / stride) % inputs] += kernel[at];
    gates.gateOf.forEach((gate, value) => {
      if (gate >= 0) sums[gate] += rows[value % inputs];
    });
  }
  return sums;
}

/**
 * Why the weights behind the gates say nothing of them, or undefined if they do: operations and blocks switch none
 * themselves, and a convolution reads every pixel by the same ones.
 */
export function withoutWeights({ groups, plan }: SearchSpace): string | undefined {
  if (groups.some(({ kind }) => kind === "op" || kind === "block")) {
    return "operations and blocks aren't weighed by weights of their own";
  }
  const shared = plan.calls.some((call) => {
    const gates = call.inputGates[0];
    const weighed = gates && call.weights.length > 0;
    return weighed && gates.gateOf.length > plan.weights[call.weights[0]].shape.at(inputAxis(call))!;
  });
  return shared ? "a convolution reads every pixel by the same weights" : undefined;
}
