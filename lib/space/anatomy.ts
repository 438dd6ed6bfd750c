import type * as tf from "@tensorflow/tfjs";
import { type Graph, type GraphCall } from "./graph.js";
import { type Labels, Units } from "./labels.js";
import { layerRule } from "./roles.js";
import type { Kernel, Link, Station } from "./wiring.js";

/** A link of {@link Wiring} with its stations resolved; `input` tells which input of the call it reads, if it does. */
export interface WiredLink {
  readonly kind: "sum" | "map";
  readonly from: number;
  readonly input: number | undefined;
  readonly to: number;
  /** For maps, the unit of `from` that each unit of `to` depends on. */
  readonly index: Int32Array | undefined;
  readonly kernel: Kernel | undefined;
  readonly positions: number;
}

/** Where the units along an axis of a weight stand; `input` when they are units that the call reads. */
export interface WiredAxis {
  readonly station: number;
  readonly input: number | undefined;
}

/** A call with what it does to units. */
export interface WiredCall extends GraphCall {
  readonly links: readonly WiredLink[];
  /** The stations that this call makes, in order: its outputs last. */
  readonly makes: readonly number[];
  readonly axes: readonly (readonly (WiredAxis | undefined)[])[];
  /** Whether gates of units act at each input. */
  readonly reads: readonly boolean[];
  /** Indices into the model's weights. */
  readonly weights: readonly number[];
}

/** A model with the units that stand in its values, and which of them must agree. */
export interface Anatomy {
  readonly graph: Graph;
  readonly units: Units;
  readonly stations: readonly Station[];
  /** The station of each value. */
  readonly stationOf: readonly number[];
  readonly calls: readonly WiredCall[];
  /** For each weight of the model: its layer, and its index there. */
  readonly weights: readonly { readonly layer: tf.layers.Layer; readonly index: number }[];
}

const modelInput = "is a model input";
const modelOutput = "is a model output";

/** The owner that {@link Units} has for the units of model input `i`. */
export const inputOwner = (i: number): number => -1 - i;

/**
 * Follows the units of a model from layer to layer.
 *
 * @param gatesInput - whether the elements of model input `i` have gates
 */
export function dissect(graph: Graph, gatesInput: (i: number) => boolean): Anatomy {
  const units = new Units();
  const stations: Station[] = [];
  const stationOf = new Array<number>(graph.values.length);
  const newStation = (labels: Labels, merge: Station["merge"] = "other", keepsZero: boolean = true): number =>
    stations.push({ labels, merge, keepsZero }) - 1;

  graph.inputs.forEach((value, i) => {
    const { shape } = graph.values[value];
    const gated = gatesInput(i);
    const labelShape = gated ? shape : [shape.at(-1) ?? 1];
    const size = labelShape.reduce((product, extent) => product * extent, 1);
    const nodes = units.fresh(size, inputOwner(i), gated ? undefined : modelInput);
    stationOf[value] = newStation({ shape: labelShape, nodes });
  });

  const weights: { layer: tf.layers.Layer; index: number }[] = [];
  const weightsOf = new Map<tf.layers.Layer, number[]>();
  const firstCall = new Map<tf.layers.Layer, WiredCall>();
  const calls: WiredCall[] = [];

  for (const [c, call] of graph.calls.entries()) {
    const { layer } = call;
    if (!weightsOf.has(layer)) {
      weightsOf.set(
        layer,
        layer.weights.map((_, index) => weights.push({ layer, index }) - 1),
      );
    }
    const begin = stations.length;
    const inputs = call.inputs.map((value, k) => ({
      station: -1 - k,
      labels: stations[stationOf[value]].labels,
      shape: graph.values[value].shape,
    }));
    /** Units that stand for inputs with a gate for each element. */
    const collapsed = new Map<number, (typeof inputs)[number]>();
    const channels = (k: number): (typeof inputs)[number] => {
      const input = inputs[k];
      if (input.labels.shape.length === 1) return input;
      if (!collapsed.has(k)) {
        const count = input.shape.at(-1)!;
        const labels = { shape: [count], nodes: units.fresh(count, c, "is made of gated elements of an input") };
        collapsed.set(k, { ...input, labels, station: newStation(labels) });
      }
      return collapsed.get(k)!;
    };
    const wiring = layerRule(layer).wire({
      layer,
      config: layer.getConfig(),
      units,
      inputs,
      channels,
      outputShapes: call.outputs.map((value) => graph.values[value].shape),
      weightShapes: layer.weights.map((weight) => weight.shape as number[]),
      fresh: (count, closed) => units.fresh(count, c, closed),
      station: (labels, options) => newStation(labels, options?.merge, options?.keepsZero),
    });
    const resolve = (number: number): WiredAxis =>
      number < 0
        ? { station: stationOf[call.inputs[-1 - number]], input: -1 - number }
        : { station: number, input: undefined };
    const collapsings = [...collapsed].map(([k, { station }]): Link => ({
      kind: "sum",
      from: -1 - k,
      to: station,
      positions: 0,
    }));
    call.outputs.forEach((value, o) => (stationOf[value] = wiring.outputs[o]));
    const wired: WiredCall = {
      ...call,
      links: [...collapsings, ...wiring.links].map((link) => ({
        kind: link.kind,
        from: resolve(link.from).station,
        input: resolve(link.from).input,
        to: link.to,
        index: link.kind === "map" ? link.index : undefined,
        kernel: link.kernel,
        positions: link.positions,
      })),
      makes: Array.from({ length: stations.length - begin }, (_, i) => begin + i),
      axes: wiring.axes.map((axes) => axes.map((axis) => (axis === undefined ? undefined : resolve(axis)))),
      reads: call.inputs.map((_, k) => wiring.reads || collapsed.has(k)),
      weights: weightsOf.get(layer)!,
    };
    const first = firstCall.get(layer);
    if (first) agree(first, wired, stations, units);
    else firstCall.set(layer, wired);
    calls.push(wired);
  }
  for (const value of graph.outputs) units.close(stations[stationOf[value]].labels.nodes, modelOutput, true);
  return { graph, units, stations, stationOf, calls, weights };
}

/** A layer that is called twice has one set of weights: the units along their axes agree. */
function agree(first: WiredCall, second: WiredCall, stations: readonly Station[], units: Units): void {
  first.axes.forEach((axes, w) =>
    axes.forEach((axis, a) => {
      const other = second.axes[w]?.[a];
      const [mine, theirs] = [axis, other].map((at) => at && stations[at.station].labels.nodes);
      if (mine && theirs) units.uniteAll(mine, theirs);
      else
        for (const nodes of [mine, theirs])
          if (nodes) units.close(nodes, `${first.path} is shared with a call that needs them all`);
    }),
  );
}
