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

/** The layers of a model as they read one another, with what is left of each. */
export function describeNetwork(liveness: Liveness): NetworkNode[] {
  const { anatomy, plan } = liveness.gating;
  const { graph, stationOf, stations } = anatomy;
  const nodeOf = new Map<number, number>();
  const nodes: NetworkNode[] = [];
  const unitsOf = (value: number): number => stations[stationOf[value]].labels.nodes.length;
  graph.inputs.forEach((value, i) => {
    nodeOf.set(value, nodes.length);
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
    const inputs = call.inputs.map((value) => nodeOf.get(value)!);
    const present = liveness.isNeeded(call);
    const keep = call.weights.map((w) => liveness.keep(w));
    for (const value of call.outputs) nodeOf.set(value, nodes.length);
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
