import * as tf from "@tensorflow/tfjs";
import { TwotempError } from "../errors.js";
import type { WiredCall, WiredLink } from "./anatomy.js";
import type { Gating } from "./gating.js";
import { isStatistic, ownMultiplyAdds } from "./liveness.js";
import { sizeOf } from "./labels.js";

/** What {@link relaxedCount} counts. */
export type RelaxedMeasure = "parameters" | "multiplyAdds";

/** 1 - prod_i (1 - p_i): whether any of several holds, for numbers in [0, 1]. */
const any = (parts: readonly tf.Tensor[]): tf.Tensor => {
  if (parts.length === 1) return parts[0];
  const none = parts.map((part) => tf.sub(1, part)).reduce((product, part) => tf.mul(product, part));
  return tf.sub(1, none);
};

/** The same along axes of one tensor. */
const anyAlong = (part: tf.Tensor, axis: number | number[]): tf.Tensor => tf.sub(1, tf.prod(tf.sub(1, part), axis));

/** The smaller of a number and each of several. (The gradient that TensorFlow.js has for a minimum can't spread one.) */
const least = (one: tf.Tensor, several: tf.Tensor): tf.Tensor => tf.minimum(tf.mul(one, tf.onesLike(several)), several);

const zeroAt = (indices: Int32Array): Int32Array => indices.map((index) => Math.max(0, index));

/**
 * What a relaxed architecture costs: the rules of {@link Liveness} with products for "and" and `1 - prod(1 - p)` for
 * "or".
 *
 * At every vertex it is the count of the compacted network exactly, with all that dies up- and downstream. Between
 * vertices it is the multilinear cost (each entry of a weight times its own gate, those of the two units that it
 * connects and that of its operation or block) times the chances that these units are fed and read, which are near 1
 * unless a layer is about to starve.
 */
export class RelaxedCount {
  private readonly open: (c: number, input: number) => tf.Tensor | undefined;
  private readonly fed: tf.Tensor[] = [];
  /** Whether anything but zero stands there: a constant will do. */
  private readonly something: tf.Tensor[] = [];
  private readonly read: tf.Tensor[] = [];
  private readonly alive: tf.Tensor;
  private readonly needed: tf.Tensor[] = [];

  constructor(
    private readonly gating: Gating,
    private readonly gates: tf.Tensor1D,
  ) {
    const withOne = tf.concat1d([gates, tf.ones([1])]);
    this.open = (c, input) => {
      const inputGates = gating.plan.calls[c].inputGates[input];
      if (!inputGates) return undefined;
      return tf.gather(
        withOne,
        inputGates.gateOf.map((gate) => (gate < 0 ? gates.size : gate)),
      );
    };
    this.feed();
    this.trace();
    this.alive = this.settle();
    this.need();
  }

  private width(station: number): number {
    return this.gating.anatomy.stations[station].labels.nodes.length;
  }

  /** The gates of a kernel's entries, [taps, rows, columns], or undefined when they have none. */
  private kernel(call: WiredCall, link: WiredLink): tf.Tensor | undefined {
    if (!link.kernel) return undefined;
    const { gateOffset, shape } = this.gating.plan.weights[call.weights[link.kernel.weight]];
    if (gateOffset === undefined) return undefined;
    const size = sizeOf(shape);
    const entries = tf.slice1d(this.gates, gateOffset, size);
    return tf.reshape(entries, [-1, shape.at(-2)!, shape.at(-1)!]);
  }

  /** Whether any tap connects two units: [inputs, outputs] for sums, [outputs] for maps. */
  private connections(call: WiredCall, link: WiredLink): tf.Tensor | undefined {
    const kernel = this.kernel(call, link);
    if (!kernel) return undefined;
    const taps = anyAlong(kernel, 0);
    if (link.kind === "map") return tf.reshape(taps, [-1]);
    return link.kernel!.inAxis < link.kernel!.outAxis ? taps : tf.transpose(taps);
  }

  private through(c: number, link: WiredLink, value: tf.Tensor): tf.Tensor {
    const gate = link.input === undefined ? undefined : this.open(c, link.input);
    return gate ? tf.mul(value, gate) : value;
  }

  /** What one link brings to the units of the station it goes to. */
  private arrival(c: number, call: WiredCall, link: WiredLink, from: tf.Tensor, whole: tf.Tensor): tf.Tensor {
    const connections = this.connections(call, link);
    if (link.kind === "map") {
      const index = link.index!;
      const present = tf.tensor1d(Float32Array.from(index, (i) => (i >= 0 ? 1 : 0)));
      const gathered = tf.mul(tf.gather(this.through(c, link, from), zeroAt(index)), present);
      return connections ? tf.mul(gathered, connections) : gathered;
    }
    const carried = this.through(c, link, whole);
    if (connections) return anyAlong(tf.mul(tf.expandDims(carried, 1), connections), 0);
    return tf.tile(tf.reshape(anyAlong(carried, 0), [1]), [this.width(link.to)]);
  }

  private feed(): void {
    const { anatomy } = this.gating;
    for (const value of anatomy.graph.inputs) {
      const station = anatomy.stationOf[value];
      this.fed[station] = this.something[station] = tf.ones([this.width(station)]);
    }
    for (const [c, call] of anatomy.calls.entries()) {
      for (const station of call.makes) {
        const { merge, keepsZero } = anatomy.stations[station];
        const links = call.links.filter((link) => link.to === station);
        const fed = links.map((link) => this.arrival(c, call, link, this.fed[link.from], this.fed[link.from]));
        // Sums leave constants out.
        const something = links.map((link) =>
          this.arrival(c, call, link, this.something[link.from], this.fed[link.from]),
        );
        const present = merge === "multiply" ? something.reduce((a, b) => tf.mul(a, b)) : any(something);
        this.fed[station] = merge === "multiply" ? tf.mul(any(fed), present) : any(fed);
        this.something[station] = keepsZero ? present : tf.onesLike(present);
      }
    }
  }

  private trace(): void {
    const { anatomy } = this.gating;
    const readers: tf.Tensor[][] = anatomy.stations.map(() => []);
    for (const value of anatomy.graph.outputs)
      readers[anatomy.stationOf[value]].push(tf.ones([this.width(anatomy.stationOf[value])]));
    const settle = (station: number): tf.Tensor =>
      (this.read[station] ??= readers[station].length > 0 ? any(readers[station]) : tf.zeros([this.width(station)]));
    for (let c = anatomy.calls.length - 1; c >= 0; c--) {
      const call = anatomy.calls[c];
      for (const station of [...call.makes].reverse()) {
        const to = settle(station);
        for (const link of call.links) {
          if (link.to !== station) continue;
          const reading = this.reading(call, link, to);
          // A unit's own gate is in what lives, once; gates of operands are others.
          const own = link.input !== undefined && call.reads[link.input];
          readers[link.from].push(own ? reading : this.through(c, link, reading));
        }
      }
    }
    anatomy.stations.forEach((_, station) => settle(station));
  }

  /** Which units of the station that a link comes from are read, if `to` says which of the other end are. */
  private reading(call: WiredCall, link: WiredLink, to: tf.Tensor): tf.Tensor {
    const connections = this.connections(call, link);
    const width = this.width(link.from);
    if (link.kind === "map") {
      const read = connections ? tf.mul(to, connections) : to;
      // Sums of logarithms would lose the vertices: the product over a segment is taken row by row instead.
      const rows: number[][] = Array.from({ length: width }, () => []);
      link.index!.forEach((i, o) => i >= 0 && rows[i].push(o));
      const longest = Math.max(1, ...rows.map((row) => row.length));
      const none = this.width(link.to);
      const padded = Int32Array.from(
        rows.flatMap((row) => [...row, ...new Array<number>(longest - row.length).fill(none)]),
      );
      const table = tf.gather(tf.concat1d([read as tf.Tensor1D, tf.zeros([1])]), padded);
      return anyAlong(tf.reshape(table, [width, longest]), 1);
    }
    if (connections && link.kernel!.inAxis >= 0) return anyAlong(tf.mul(tf.expandDims(to, 0), connections), 1);
    return tf.tile(tf.reshape(anyAlong(to, 0), [1]), [width]);
  }

  /** For each unit (by node), whether it lives. */
  private settle(): tf.Tensor {
    const { stations, units } = this.gating.anatomy;
    const members: number[][] = Array.from({ length: units.count }, () => []);
    let position = 0;
    const flat = stations.map(({ labels }, s) => {
      labels.nodes.forEach((node) => members[units.find(node)].push(position++));
      return tf.mul(this.fed[s], this.read[s]) as tf.Tensor1D;
    });
    const closed = Float32Array.from({ length: units.count }, (_, node) => (units.reason(node) === undefined ? 0 : 1));
    const longest = Math.max(1, ...members.map((list) => list.length));
    const padded = Int32Array.from(
      members.flatMap((list) => [...list, ...new Array<number>(longest - list.length).fill(position)]),
    );
    const all = tf.concat1d([...flat, tf.zeros([1])]);
    const ofRoots = anyAlong(tf.reshape(tf.gather(all, padded), [units.count, longest]), 1);
    const lives = any([ofRoots, tf.tensor1d(closed)]);
    const roots = Int32Array.from({ length: units.count }, (_, node) => units.find(node));
    const withOne = tf.concat1d([this.gates, tf.ones([1])]);
    const ownGate = this.gating.gateOfUnit.map((gate) => (gate < 0 ? this.gates.size : gate));
    return tf.mul(tf.gather(lives, roots), tf.gather(withOne, ownGate));
  }

  private aliveAt(station: number): tf.Tensor {
    return tf.gather(this.alive, this.gating.anatomy.stations[station].labels.nodes);
  }

  /** Whether each call is left. */
  private need(): void {
    const { anatomy, steps } = this.gating;
    const { graph, calls, stationOf, stations } = anatomy;
    const wanted: tf.Tensor[][] = graph.values.map(() => []);
    for (const value of graph.outputs) wanted[value].push(tf.scalar(1));
    for (let c = calls.length - 1; c >= 0; c--) {
      const call = calls[c];
      const wants = call.outputs.flatMap((value) => wanted[value]);
      const needed = wants.length > 0 ? any(wants) : tf.scalar(0);
      this.needed[c] = needed;
      const isAdd = stations[stationOf[call.outputs[0]]].merge === "add";
      const joins = call.layer.getClassName() === "Concatenate";
      call.inputs.forEach((value, k) => {
        // A chain reads the same x as what steps over it.
        if (steps.differences.has(call.layer) && k === 1) return;
        const station = stationOf[value];
        let share = needed;
        if (isAdd) {
          // An operand has one gate for all of its units; an image that is added has its own, one a pixel.
          const gate = this.open(c, k);
          const units = tf.mul(this.something[station], this.aliveAt(station));
          if (gate && gate.size > 1) share = tf.mul(needed, anyAlong(tf.mul(units, gate), 0));
          else share = tf.mul(needed, tf.mul(anyAlong(units, 0), gate ? tf.reshape(gate, []) : 1));
        } else if (joins) share = tf.mul(needed, anyAlong(this.aliveAt(station), 0));
        wanted[value].push(share);
      });
    }
  }

  /** Along the last two axes of a call's weight, how much each position is used. */
  private usedAlong(c: number, weight: number): (tf.Tensor | undefined)[] {
    const { units, stations } = this.gating.anatomy;
    return this.gating.anatomy.calls[c].axes[weight].map((axis) => {
      if (!axis) return undefined;
      const alive = this.aliveAt(axis.station);
      if (axis.input !== undefined) return tf.mul(alive, this.fed[axis.station]);
      const { nodes } = stations[axis.station].labels;
      const kept = tf.tensor1d(Float32Array.from(nodes, (node) => (units.reason(node) === undefined ? 0 : 1)));
      return tf.mul(tf.mul(alive, this.read[axis.station]), any([this.fed[axis.station], kept]));
    });
  }

  /** How much of each entry of a weight is left, summed; over all calls of a shared layer together. */
  private entries(w: number): tf.Tensor {
    const { plan, anatomy } = this.gating;
    const { shape, gateOffset } = plan.weights[w];
    const users = [...anatomy.calls.entries()].filter(([, call]) => call.weights.includes(w));
    const parts = users.map(([c, call]) => {
      const weight = call.weights.indexOf(w);
      const used = this.usedAlong(c, weight);
      // Units that a call makes are read only if the call is needed: what both wait for counts once.
      const own = call.axes[weight].findLastIndex((axis) => axis !== undefined && axis.input === undefined);
      if (own >= 0) used[own] = least(this.needed[c], used[own]!);
      return { rows: used.at(-2), columns: used.at(-1), needed: own >= 0 ? tf.scalar(1) : this.needed[c] };
    });
    const rowCount = shape.at(-2) ?? 1;
    const columnCount = shape.at(-1) ?? 1;
    const taps = sizeOf(shape.slice(0, -2));
    if (parts.length === 1 && gateOffset === undefined) {
      const [{ rows, columns, needed }] = parts;
      const total = (used: tf.Tensor | undefined, count: number): tf.Tensor => (used ? tf.sum(used) : tf.scalar(count));
      return tf.mul(tf.mul(tf.mul(total(rows, rowCount), total(columns, columnCount)), taps), needed);
    }
    const tables = parts.map(({ rows, columns, needed }) => {
      const row = tf.reshape(rows ?? tf.ones([rowCount]), [rowCount, 1]);
      const column = tf.reshape(columns ?? tf.ones([columnCount]), [1, columnCount]);
      return tf.mul(tf.mul(row, column), needed);
    });
    const table = any(tables);
    if (gateOffset === undefined) return tf.mul(tf.sum(table), taps);
    const gates = tf.reshape(tf.slice1d(this.gates, gateOffset, sizeOf(shape)), [taps, rowCount, columnCount]);
    return tf.sum(tf.mul(tf.sum(gates, 0), table));
  }

  count(measure: RelaxedMeasure): tf.Scalar {
    const { plan, anatomy } = this.gating;
    if (measure === "parameters") {
      const parts = plan.weights.flatMap(({ name }, w) => (isStatistic(name) ? [] : [this.entries(w)]));
      return (parts.length > 0 ? tf.addN(parts) : tf.scalar(0)) as tf.Scalar;
    }
    const parts: tf.Tensor[] = [];
    for (const [c, call] of anatomy.calls.entries()) {
      for (const { kernel, positions } of call.links) {
        if (!kernel || positions === 0) continue;
        const w = call.weights[kernel.weight];
        const entries = tf.mul(this.entries(w), positions);
        // The calls of a shared layer have the same entries, each of them if it is needed itself.
        const shared = anatomy.calls.filter(({ weights }) => weights.includes(w)).length > 1;
        parts.push(shared ? tf.mul(entries, this.needed[c]) : entries);
      }
      const own = ownMultiplyAdds(call, anatomy.graph.values[call.inputs[0]].shape);
      if (own === 0) continue;
      const alive = tf.mean(this.aliveAt(anatomy.stationOf[call.inputs[0]]));
      parts.push(tf.mul(tf.mul(alive, own), this.needed[c]));
    }
    return (parts.length > 0 ? tf.addN(parts) : tf.scalar(0)) as tf.Scalar;
  }
}

/**
 * What a relaxed architecture costs, differentiable in the gates; see {@link RelaxedCount}.
 *
 * @param gates - in [0, 1], [gateCount]
 * @returns a scalar, in parameters or multiply-adds
 * @throws TwotempError `space/mask` if the vector hasn't one entry a gate; `space/costs` for another measure
 */
export function relaxedCount(gating: Gating, gates: tf.Tensor1D, measure: RelaxedMeasure): tf.Scalar {
  const { gateCount } = gating.plan;
  if (gates.shape.length !== 1 || gates.size !== gateCount) {
    throw new TwotempError("space/mask", `the gates have shape [${gates.shape.join(", ")}], expected [${gateCount}]`);
  }
  if (measure !== "parameters" && measure !== "multiplyAdds") {
    throw new TwotempError("space/costs", `measure must be parameters or multiplyAdds, got ${JSON.stringify(measure)}`);
  }
  return tf.tidy(() => new RelaxedCount(gating, gates).count(measure));
}
