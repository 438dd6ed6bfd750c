import { sizeOf } from "./labels.js";
import type { Liveness } from "./liveness.js";

/** One layer call of a network, and what is left of it. */
export interface NetworkNode {
  readonly name: string;
  readonly className: string;
  /** The nodes that it reads. */
  readonly inputs: readonly number[];
  /** Steps on the longest way from an input. */
  readonly level: number;
  /** Units (channels, features) that it gives out, and how many are left. */
  readonly units: number;
  readonly unitsKept: number;
  /** Entries of its weights, and how many are left; 0 of 0 without weights. */
  readonly weights: number;
  readonly weightsKept: number;
  /** Whether anything of it is left. */
  readonly present: boolean;
}

/**
 * The layers of a model as they read one another, with what is left of each. What reads a layer that is stepped over reads
 * what stands before it as well.
 */
export function describeNetwork(liveness: Liveness): NetworkNode[] {
  const { anatomy, plan, steps } = liveness.gating;
  const { graph, stationOf, stations } = anatomy;
  /** The nodes that each value comes from. */
  const nodesOf = new Map<number, readonly number[]>();
  const nodes: NetworkNode[] = [];
  const unitsOf = (value: number): number => stations[stationOf[value]].labels.nodes.length;
  graph.inputs.forEach((value, i) => {
    nodesOf.set(value, [nodes.length]);
    nodes.push({
      name: graph.inputNames[i],
      className: "InputLayer",
      inputs: [],
      level: 0,
      units: unitsOf(value),
      unitsKept: liveness.aliveUnits(value).length,
      weights: 0,
      weightsKept: 0,
      present: true,
    });
  });
  for (const call of anatomy.calls) {
    const present = liveness.isNeeded(call);
    if (steps.differences.has(call.layer)) {
      nodesOf.set(call.outputs[0], nodesOf.get(call.inputs[0])!);
      continue;
    }
    if (steps.adds.has(call.layer)) {
      const [before, made] = call.inputs.map((value) => nodesOf.get(value)!);
      nodesOf.set(call.outputs[0], present && liveness.operandsOf(call)[0] ? [...made, ...before] : made);
      continue;
    }
    const inputs = call.inputs.flatMap((value) => nodesOf.get(value)!);
    const keep = call.weights.map((w) => liveness.keep(w));
    for (const value of call.outputs) nodesOf.set(value, [nodes.length]);
    const [value] = call.outputs;
    nodes.push({
      name: call.path,
      className: call.layer.getClassName(),
      inputs,
      level: 1 + Math.max(-1, ...inputs.map((input) => nodes[input].level)),
      units: unitsOf(value),
      unitsKept: present ? liveness.aliveUnits(value).length : 0,
      weights: call.weights.reduce((sum, w) => sum + sizeOf(plan.weights[w].shape), 0),
      weightsKept: present ? keep.reduce((sum, kept) => sum + kept.reduce((count, one) => count + one, 0), 0) : 0,
      present,
    });
  }
  return nodes;
}
