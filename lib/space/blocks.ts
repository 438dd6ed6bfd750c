import * as tf from "@tensorflow/tfjs";
import type { Graph, GraphCall } from "./graph.js";
import { Subtract } from "./layers/subtract.js";
import { layerRule } from "./roles.js";

/** Which calls may be switched off whole. */
export interface Blocks {
  /** For each Add that closes residual branches: which of its operands are branches. */
  readonly branches: ReadonlyMap<GraphCall, readonly boolean[]>;
  /** Layers that may be stepped over, with the calls that go with each: its normalisation and activation. */
  readonly repeated: ReadonlyMap<GraphCall, readonly GraphCall[]>;
}

/**
 * Finds blocks: the branches of residual adds, and layers outside of them that give the shape that they read.
 *
 * Of an Add's operands, the one with the fewest layers with kernels of its own is the shortcut; the others are branches.
 * A layer that keeps its input's shape is a block together with the normalisation and activation behind it, unless it
 * makes the model's output or is called more than once.
 */
export function findBlocks(graph: Graph): Blocks {
  const maker = new Map<number, GraphCall>();
  const readers = new Map<number, GraphCall[]>();
  const times = new Map<tf.layers.Layer, number>();
  for (const call of graph.calls) {
    call.outputs.forEach((value) => maker.set(value, call));
    call.inputs.forEach((value) => readers.set(value, [...(readers.get(value) ?? []), call]));
    times.set(call.layer, (times.get(call.layer) ?? 0) + 1);
  }
  const hasKernel = (call: GraphCall): boolean => layerRule(call.layer).sizeKey !== undefined;
  const ancestors = (value: number): Set<GraphCall> => {
    const found = new Set<GraphCall>();
    const pending = [value];
    while (pending.length > 0) {
      const call = maker.get(pending.pop()!);
      if (!call || found.has(call)) continue;
      found.add(call);
      pending.push(...call.inputs);
    }
    return found;
  };

  const branches = new Map<GraphCall, boolean[]>();
  const onBranch = new Set<GraphCall>();
  for (const call of graph.calls) {
    if (call.layer.getClassName() !== "Add") continue;
    const above = call.inputs.map(ancestors);
    const own = above.map((calls, k) =>
      [...calls].filter((candidate) => above.every((others, other) => other === k || !others.has(candidate))),
    );
    const depths = own.map((calls) => calls.filter(hasKernel).length);
    const shortest = Math.min(...depths);
    const isBranch = depths.map((depth, k) => depth > shortest || (depth > 0 && depths.indexOf(shortest) !== k));
    if (!isBranch.includes(true)) continue;
    branches.set(call, isBranch);
    own.forEach((calls, k) => isBranch[k] && calls.forEach((inside) => onBranch.add(inside)));
  }

  const repeated = new Map<GraphCall, GraphCall[]>();
  for (const call of graph.calls) {
    if (!hasKernel(call) || onBranch.has(call) || times.get(call.layer) !== 1) continue;
    const shapeOf = (value: number): string => graph.values[value].shape.join();
    if (call.inputs.length !== 1 || shapeOf(call.inputs[0]) !== shapeOf(call.outputs[0])) continue;
    const chain = [call];
    for (;;) {
      const [value] = chain.at(-1)!.outputs;
      const next = readers.get(value) ?? [];
      if (graph.outputs.includes(value) || next.length !== 1) break;
      const { role } = layerRule(next[0].layer);
      const follows = role === "passes" || next[0].layer.getClassName() === "BatchNormalization";
      if (!follows || shapeOf(next[0].outputs[0]) !== shapeOf(value) || times.get(next[0].layer) !== 1) break;
      chain.push(next[0]);
    }
    if (!graph.outputs.includes(chain.at(-1)!.outputs[0])) repeated.set(call, chain);
  }
  return { branches, repeated };
}

/**
 * The graph with each of these chains `y = f(x)` written as `y = x + (f(x) - x)`, so that a gate on the difference steps
 * over it.
 *
 * @returns the new graph, its differences, and its Adds, whose second operand is the difference, by the chains' first calls
 */
export function stepOver(
  graph: Graph,
  chains: readonly (readonly GraphCall[])[],
): { graph: Graph; adds: ReadonlyMap<GraphCall, GraphCall>; differences: readonly GraphCall[] } {
  const values = [...graph.values];
  const layers = new Map(graph.layers);
  const calls: GraphCall[] = [];
  const adds = new Map<GraphCall, GraphCall>();
  const differences: GraphCall[] = [];
  const renamed = new Map<number, number>();
  const now = (value: number): number => renamed.get(value) ?? value;
  const chainByEnd = new Map(chains.map((chain) => [chain.at(-1)!, chain]));
  for (const old of graph.calls) {
    calls.push({ ...old, inputs: old.inputs.map(now) });
    const chain = chainByEnd.get(old);
    if (!chain) continue;
    const [made] = old.outputs;
    const read = now(chain[0].inputs[0]);
    const { path } = chain[0];
    const name = path.replaceAll("/", "_");
    const append = (layer: tf.layers.Layer, suffix: string, inputs: readonly number[]): GraphCall => {
      const value = values.push({ shape: graph.values[made].shape }) - 1;
      layers.set(layer, `${path}/${suffix}`);
      const call = { layer, path: `${path}/${suffix}`, inputs, outputs: [value] };
      calls.push(call);
      return call;
    };
    const change = append(new Subtract({ name: `${name}_change` }), "change", [made, read]);
    const add = append(tf.layers.add({ name: `${name}_step` }), "step", [read, change.outputs[0]]);
    differences.push(change);
    adds.set(chain[0], add);
    renamed.set(made, add.outputs[0]);
  }
  return { graph: { ...graph, values, layers, calls, outputs: graph.outputs.map(now) }, adds, differences };
}
