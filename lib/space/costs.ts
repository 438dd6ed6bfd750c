import type { Gating } from "./gating.js";
import { type Counts, isStatistic, Liveness } from "./liveness.js";
import { sizeOf } from "./labels.js";

/** What a gate's cost is measured in. */
export type CostMeasure = "gates" | "parameters" | "multiplyAdds";

/**
 * What each gate takes from the full network when it alone is closed.
 *
 * Gates of units, inputs and weights are counted along the axes of the weights that they stand at; what else disappears
 * because the only path to it leads through the gate isn't counted. Gates of operations and blocks, which take whole
 * branches with them, are counted exactly, by the network without them.
 */
export function gateCosts(gating: Gating, full: Counts, measure: Exclude<CostMeasure, "gates">): Float64Array {
  const { plan, anatomy, groups, gateOfUnit } = gating;
  const costs = new Float64Array(plan.gateCount);
  const charge = (weight: number, axes: readonly (Int32Array | undefined)[], each: number): void => {
    const { shape, gateOffset } = plan.weights[weight];
    const size = sizeOf(shape);
    if (gateOffset !== undefined) for (let i = 0; i < size; i++) costs[gateOffset + i] += each;
    const shares = axes.map((gates) => countGates(gates));
    const touched = new Set(shares.flatMap((share) => [...share.keys()]));
    for (const gate of touched) {
      const left = shape.reduce((product, extent, axis) => product * (extent - (shares[axis]?.get(gate) ?? 0)), 1);
      costs[gate] += each * (size - left);
    }
  };
  const gatesAlong = (call: (typeof anatomy.calls)[number], index: number): (Int32Array | undefined)[] =>
    call.axes[index].map((axis) => axis && anatomy.stations[axis.station].labels.nodes.map((node) => gateOfUnit[node]));

  if (measure === "parameters") {
    const seen = new Set<number>();
    for (const call of anatomy.calls) {
      call.weights.forEach((w, index) => {
        if (seen.has(w) || isStatistic(plan.weights[w].name)) return;
        seen.add(w);
        charge(w, gatesAlong(call, index), 1);
      });
    }
  } else {
    for (const call of anatomy.calls) {
      for (const { kernel, positions } of call.links) {
        if (kernel) charge(call.weights[kernel.weight], gatesAlong(call, kernel.weight), positions);
      }
    }
  }
  const whole = groups.filter(({ kind }) => kind === "op" || kind === "block");
  for (const { offset, size } of whole) {
    for (let gate = offset; gate < offset + size; gate++) {
      const mask = new Uint8Array(plan.gateCount).fill(1);
      mask[gate] = 0;
      costs[gate] = full[measure] - new Liveness(gating, mask).count()[measure];
    }
  }
  return costs;
}

function countGates(gates: Int32Array | undefined): Map<number, number> {
  const counts = new Map<number, number>();
  for (const gate of gates ?? []) if (gate >= 0) counts.set(gate, (counts.get(gate) ?? 0) + 1);
  return counts;
}
