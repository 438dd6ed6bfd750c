import type { WiredCall, WiredLink } from "./anatomy.js";
import type { Gating } from "./gating.js";
import { sizeOf } from "./labels.js";

/** What a unit carries when some gates are closed: nothing at all, a constant, or something of the input. */
const zero = 0;
const constant = 1;
const fed = 2;

/** A place where a vertex cuts the network: what can't be computed any more. */
export interface Cut {
  readonly layer: string;
  readonly message: string;
  /** Whether something of the input reaches the layer, but no open gate lets it in. */
  readonly blocked: boolean;
}

/**
 * What is left of a network at a vertex of its gates.
 *
 * A unit is alive if it carries something of an input (forward) and an output reads it (backward). Units that must
 * agree live if one of them does. A weight stays if its gate is open and it connects units that are alive; a bias or a
 * normalisation parameter stays with its unit. An operand of an Add that carries nothing is dropped, so that a residual
 * branch without open inputs disappears whole.
 */
export class Liveness {
  /** State of each unit of each station. */
  private readonly state: Uint8Array[];
  /** Whether an output reads it, by station. */
  private readonly read: Uint8Array[];
  private readonly aliveRoot: Uint8Array;
  private readonly neededCalls: Set<WiredCall> = new Set();
  private readonly neededOperands: Map<WiredCall, boolean[]> = new Map();
  readonly cuts: readonly Cut[];

  constructor(
    readonly gating: Gating,
    readonly mask: ArrayLike<number>,
  ) {
    const { anatomy } = gating;
    this.state = anatomy.stations.map(({ labels }) => new Uint8Array(labels.nodes.length));
    this.read = anatomy.stations.map(({ labels }) => new Uint8Array(labels.nodes.length));
    this.aliveRoot = new Uint8Array(anatomy.units.count);
    this.feed();
    this.trace();
    this.settle();
    this.cuts = this.need();
  }

  /** Whether input `k` of the call lets unit `i` of its station through. */
  private open(call: number, input: number | undefined, i: number): boolean {
    if (input === undefined) return true;
    const gates = this.gating.plan.calls[call].inputGates[input];
    if (!gates) return true;
    const gate = gates.gateOf[gates.gateOf.length === 1 ? 0 : i];
    return gate < 0 || this.mask[gate] !== 0;
  }

  /** The first gate of the kernel that a link goes through, or undefined when its entries have none. */
  private kernelGates(call: WiredCall, link: WiredLink): { offset: number; shape: readonly number[] } | undefined {
    if (!link.kernel) return undefined;
    const spec = this.gating.plan.weights[call.weights[link.kernel.weight]];
    return spec.gateOffset === undefined ? undefined : { offset: spec.gateOffset, shape: spec.shape };
  }

  /** Calls `visit` with the input and output unit of every kernel entry whose gate is open. */
  private eachOpenEntry(
    link: WiredLink,
    gates: { offset: number; shape: readonly number[] },
    visit: (from: number, to: number) => void,
  ): void {
    const { inAxis, outAxis } = link.kernel!;
    const { mask } = this;
    const { offset, shape } = gates;
    const inIsRow = inAxis < outAxis;
    const multiplier = shape.at(-1)!;
    eachEntry(shape, (row, column, entry) => {
      if (mask[offset + entry] === 0) return;
      // Depthwise kernels: output channel = input channel x multiplier + j.
      if (link.kind === "map") visit(row, row * multiplier + column);
      else if (inIsRow) visit(row, column);
      else visit(column, row);
    });
  }

  private feed(): void {
    const { anatomy } = this.gating;
    const { stations, stationOf, graph } = anatomy;
    for (const value of graph.inputs) this.state[stationOf[value]].fill(fed);
    for (const [c, call] of anatomy.calls.entries()) {
      for (const station of call.makes) {
        const { merge, keepsZero } = stations[station];
        const into = this.state[station];
        const arrivals = call.links.filter((link) => link.to === station).map((link) => this.arrival(c, call, link));
        for (let o = 0; o < into.length; o++) {
          let strongest = zero;
          let weakest = fed;
          for (const arrival of arrivals) {
            strongest = Math.max(strongest, arrival[o]);
            weakest = Math.min(weakest, arrival[o]);
          }
          const merged = merge === "multiply" && weakest === zero ? zero : strongest;
          into[o] = merged === zero && !keepsZero ? constant : merged;
        }
      }
    }
  }

  /** What one link brings to each unit of the station it goes to. */
  private arrival(c: number, call: WiredCall, link: WiredLink): Uint8Array {
    const from = this.state[link.from];
    const out = new Uint8Array(this.state[link.to].length);
    const gates = this.kernelGates(call, link);
    const comes = (i: number): number => (this.open(c, link.input, i) ? from[i] : zero);
    if (link.kind === "map") {
      const tapped = gates ? new Uint8Array(out.length) : undefined;
      if (gates) this.eachOpenEntry(link, gates, (_, to) => (tapped![to] = 1));
      for (let o = 0; o < out.length; o++) {
        const i = link.index![o];
        if (i >= 0 && (!tapped || tapped[o])) out[o] = comes(i);
      }
      return out;
    }
    const fedInputs = Uint8Array.from(from, (_, i) => (comes(i) === fed ? 1 : 0));
    if (gates) {
      const whole = link.kernel!.inAxis < 0 && fedInputs.includes(1);
      this.eachOpenEntry(link, gates, (i, o) => {
        if (whole || fedInputs[i]) out[o] = fed;
      });
    } else if (fedInputs.includes(1)) out.fill(fed);
    return out;
  }

  private trace(): void {
    const { anatomy } = this.gating;
    const { stationOf, graph } = anatomy;
    for (const value of graph.outputs) this.read[stationOf[value]].fill(1);
    for (let c = anatomy.calls.length - 1; c >= 0; c--) {
      const call = anatomy.calls[c];
      // Stations inside a layer are read by later ones of the same call.
      for (const station of [...call.makes].reverse()) {
        for (const link of call.links) if (link.to === station) this.traceLink(c, call, link);
      }
    }
  }

  private traceLink(c: number, call: WiredCall, link: WiredLink): void {
    const to = this.read[link.to];
    const from = this.read[link.from];
    const gates = this.kernelGates(call, link);
    if (link.kind === "map") {
      const tapped = gates ? new Uint8Array(to.length) : undefined;
      if (gates) this.eachOpenEntry(link, gates, (_, o) => (tapped![o] = 1));
      for (let o = 0; o < to.length; o++) {
        const i = link.index![o];
        if (i >= 0 && to[o] && (!tapped || tapped[o]) && this.open(c, link.input, i)) from[i] = 1;
      }
      return;
    }
    if (!to.includes(1)) return;
    if (gates && link.kernel!.inAxis >= 0) {
      this.eachOpenEntry(link, gates, (i, o) => {
        if (to[o] && this.open(c, link.input, i)) from[i] = 1;
      });
    } else for (let i = 0; i < from.length; i++) if (this.open(c, link.input, i)) from[i] = 1;
  }

  private settle(): void {
    const { stations, units } = this.gating.anatomy;
    stations.forEach(({ labels }, s) => {
      for (let i = 0; i < labels.nodes.length; i++) {
        if (this.state[s][i] === fed && this.read[s][i]) this.aliveRoot[units.find(labels.nodes[i])] = 1;
      }
    });
    for (let node = 0; node < units.count; node++) {
      const root = units.find(node);
      if (units.reason(root) !== undefined) this.aliveRoot[root] = 1;
    }
  }

  /** Which calls the outputs need, and where something needed can't be had. */
  private need(): Cut[] {
    const { anatomy } = this.gating;
    const { graph, stationOf, calls, stations } = anatomy;
    const needed = new Uint8Array(graph.values.length);
    const cuts: Cut[] = [];
    graph.outputs.forEach((value, i) => {
      needed[value] = 1;
      if (!this.state[stationOf[value]].includes(fed)) {
        const message = `no open path leads from an input to output ${i}${this.whereItEnds()}`;
        cuts.push({ layer: `output ${i}`, message, blocked: false });
      }
    });
    for (let c = calls.length - 1; c >= 0; c--) {
      const call = calls[c];
      if (!call.outputs.some((value) => needed[value])) continue;
      this.neededCalls.add(call);
      const isAdd = stations[stationOf[call.outputs[0]]].merge === "add";
      const carries = call.inputs.map((_, k) => this.carries(c, k));
      const steps = this.stepsOver(c);
      const operands = call.inputs.map((value, k) => {
        // What isn't stepped over is f(x) itself, not x + (f(x) - x).
        if (steps) return steps[k];
        if (isAdd) return carries[k];
        return !isConcatenation(call) || this.aliveUnits(value).length > 0;
      });
      this.neededOperands.set(call, operands);
      call.inputs.forEach((value, k) => {
        if (operands[k]) needed[value] = 1;
      });
      const empty = call.inputs.findIndex((_, k) => operands[k] && !carries[k]);
      if (empty >= 0 || !operands.includes(true)) {
        cuts.push({
          layer: call.path,
          message: `${call.path} is needed, but nothing of the input reaches it`,
          blocked: call.inputs.some((value) => this.state[stationOf[value]].includes(fed)),
        });
      }
    }
    return cuts;
  }

  /** The last layer that something of the input reaches without getting any further, as the end of a sentence. */
  private whereItEnds(): string {
    const { calls, stationOf } = this.gating.anatomy;
    const isFed = (value: number): boolean => this.state[stationOf[value]].includes(fed);
    const last = calls.filter(({ inputs, outputs }) => inputs.some(isFed) && !outputs.some(isFed)).at(-1);
    return last ? `: it ends at ${last.path}` : "";
  }

  /** Which operands are left of the two calls that write a chain as `x + a (f(x) - x)`, when its gate is open. */
  private stepsOver(c: number): readonly boolean[] | undefined {
    const { anatomy, steps } = this.gating;
    const call = anatomy.calls[c];
    if (steps.differences.has(call.layer)) return [true, false];
    return steps.adds.has(call.layer) && this.open(c, 1, 0) ? [false, true] : undefined;
  }

  /** Whether input `k` of call `c` lets anything but zero through. */
  private carries(c: number, k: number): boolean {
    const { anatomy } = this.gating;
    const call = anatomy.calls[c];
    const station = anatomy.stationOf[call.inputs[k]];
    const { nodes } = anatomy.stations[station].labels;
    const summed = call.links.some((link) => link.kind === "sum" && link.kernel && link.input === k);
    for (let i = 0; i < nodes.length; i++) {
      const state = this.open(c, k, i) ? this.state[station][i] : zero;
      if (this.isAlive(nodes[i]) && (summed ? state === fed : state !== zero)) return true;
    }
    return false;
  }

  private isAlive(node: number): boolean {
    return this.aliveRoot[this.gating.anatomy.units.find(node)] === 1;
  }

  /** Positions that stay of the units of a value (of a station's labels). */
  aliveUnits(value: number): Int32Array {
    return this.aliveOf(this.gating.anatomy.stationOf[value]);
  }

  /** Positions of a station whose units stay. */
  aliveOf(station: number): Int32Array {
    const { nodes } = this.gating.anatomy.stations[station].labels;
    return Int32Array.from(nodes.keys()).filter((i) => this.isAlive(nodes[i]));
  }

  /** Whether the call is left in the compacted network. */
  isNeeded(call: WiredCall): boolean {
    return this.neededCalls.has(call);
  }

  /** Which inputs of a needed call are left. */
  operandsOf(call: WiredCall): readonly boolean[] {
    return this.neededOperands.get(call)!;
  }

  /**
   * The value that a needed merge stands for when one operand is left of several; undefined if it computes something.
   */
  aliasOf(call: WiredCall): number | undefined {
    const operands = this.operandsOf(call);
    if (call.inputs.length < 2 || operands.filter(Boolean).length !== 1) return undefined;
    const value = call.inputs[operands.indexOf(true)];
    return call.layer.getClassName() === "OperationSum" && this.terms(call) !== 1 ? undefined : value;
  }

  /** How many terms a sum of operations counts: its open gates, or all when it has none. */
  terms(call: WiredCall): number {
    const c = this.gating.anatomy.calls.indexOf(call);
    return call.inputs.filter((_, k) => this.open(c, k, 0)).length;
  }

  /** Along each axis of a call's weight: 1 where the unit that stands there is used; undefined for axes without units. */
  private usedAlong(c: number, weight: number): (Uint8Array | undefined)[] {
    const { stations } = this.gating.anatomy;
    const call = this.gating.anatomy.calls[c];
    return call.axes[weight].map((axis) => {
      if (!axis) return undefined;
      const { nodes } = stations[axis.station].labels;
      return Uint8Array.from(nodes, (node, i) => {
        if (!this.isAlive(node)) return 0;
        const state = this.state[axis.station][i];
        if (axis.input !== undefined) return state === fed && this.open(c, axis.input, i) ? 1 : 0;
        const kept = this.gating.anatomy.units.reason(node) !== undefined;
        return this.read[axis.station][i] && (state === fed || kept) ? 1 : 0;
      });
    });
  }

  /** Which entries of weight `w` of the model stay: 1 where they do. */
  keep(w: number): Uint8Array {
    const { shape } = this.gating.plan.weights[w];
    const keep = new Uint8Array(sizeOf(shape));
    for (const [c, call] of this.gating.anatomy.calls.entries()) {
      const weight = call.weights.indexOf(w);
      if (weight >= 0 && this.isNeeded(call)) this.keepInCall(c, weight, keep);
    }
    return keep;
  }

  /** Marks the entries of a weight that one call uses. */
  private keepInCall(c: number, weight: number, keep: Uint8Array): void {
    const { shape, gateOffset } = this.gating.plan.weights[this.gating.anatomy.calls[c].weights[weight]];
    const used = this.usedAlong(c, weight);
    const [rowUsed, columnUsed] = [used.at(-2), used.at(-1)];
    eachEntry(shape, (row, column, entry) => {
      const open = gateOffset === undefined || this.mask[gateOffset + entry] !== 0;
      if (open && rowUsed?.[row] !== 0 && columnUsed?.[column] !== 0) keep[entry] = 1;
    });
  }

  /** How many entries of a call's weight the call uses. */
  private usedEntries(c: number, weight: number): number {
    const { plan, anatomy } = this.gating;
    const { shape, gateOffset } = plan.weights[anatomy.calls[c].weights[weight]];
    if (gateOffset === undefined) {
      const used = this.usedAlong(c, weight);
      return used.reduce((product, along, axis) => product * (along ? ones(along) : shape[axis]), 1);
    }
    const keep = new Uint8Array(sizeOf(shape));
    this.keepInCall(c, weight, keep);
    return ones(keep);
  }

  /** Parameters, multiply-adds and peak activation bytes of what is left. */
  count(): Counts {
    let parameters = 0;
    let multiplyAdds = 0;
    for (const layer of this.byLayer().values()) {
      parameters += layer.parameters;
      multiplyAdds += layer.multiplyAdds;
    }
    return { parameters, multiplyAdds, activationBytes: this.peakActivationBytes() };
  }

  /** Parameters and multiply-adds of each layer that is left, by its path. */
  byLayer(): Map<string, LayerCounts> {
    const { anatomy, plan } = this.gating;
    const layers = new Map<string, { parameters: number; multiplyAdds: number }>();
    const of = (path: string): { parameters: number; multiplyAdds: number } => {
      if (!layers.has(path)) layers.set(path, { parameters: 0, multiplyAdds: 0 });
      return layers.get(path)!;
    };
    const callsOf = new Map<number, number[]>();
    for (const [c, call] of anatomy.calls.entries()) {
      if (!this.isNeeded(call)) continue;
      for (const w of call.weights) callsOf.set(w, [...(callsOf.get(w) ?? []), c]);
    }
    const entries = new Map<number, number>();
    for (const [w, calls] of callsOf) {
      const [first] = calls;
      // The calls of a shared layer may use different entries; all of them use what any does.
      const alone = calls.length === 1;
      entries.set(w, alone ? this.usedEntries(first, anatomy.calls[first].weights.indexOf(w)) : ones(this.keep(w)));
    }
    for (const [w, count] of entries) {
      if (!isStatistic(plan.weights[w].name)) of(plan.weights[w].layer).parameters += count;
    }
    for (const call of anatomy.calls) {
      if (!this.isNeeded(call)) continue;
      const layer = of(call.path);
      layer.multiplyAdds += ownMultiplyAdds(call, this.aliveShape(call.inputs[0]));
      for (const { kernel, positions } of call.links) {
        if (kernel) layer.multiplyAdds += positions * entries.get(call.weights[kernel.weight])!;
      }
    }
    return layers;
  }

  /** The shape of a value in the compacted network, for one example. */
  private aliveShape(value: number): number[] {
    const { shape } = this.gating.anatomy.graph.values[value];
    return [...shape.slice(0, -1), this.elements(value) / sizeOf(shape.slice(0, -1))];
  }

  /** Elements of a value in the compacted network, for one example. */
  elements(value: number): number {
    const { anatomy } = this.gating;
    const { shape } = anatomy.graph.values[value];
    const { labels } = anatomy.stations[anatomy.stationOf[value]];
    if (labels.shape.length !== 1) return sizeOf(shape);
    return (sizeOf(shape) / Math.max(1, labels.nodes.length)) * this.aliveUnits(value).length;
  }

  /** Whether compaction takes the units that are left out of a value that is made whole. */
  private isSelected(value: number, maker: WiredCall | undefined): boolean {
    const { stations, stationOf } = this.gating.anatomy;
    const { labels } = stations[stationOf[value]];
    if (labels.shape.length !== 1 || this.aliveUnits(value).length === labels.nodes.length) return false;
    return (
      maker === undefined ||
      maker.links.some((link) => link.kind === "map" && stations[link.from].labels.shape.length > 1)
    );
  }

  /**
   * Where a model input has become a vector of which some features are left, and the calls up to there; undefined if
   * it hasn't, or if something else reads it before.
   */
  selectedInput(input: number): { readonly value: number; readonly through: readonly WiredCall[] } | undefined {
    const through: WiredCall[] = [];
    for (let value = input; ;) {
      if (this.isSelected(value, through.at(-1))) return { value, through };
      const readers = this.gating.anatomy.calls.filter((call) => this.isNeeded(call) && call.inputs.includes(value));
      const [reader] = readers;
      const passes = readers.length === 1 && reader.inputs.length === 1 && reader.weights.length === 0;
      if (!passes || !reader.links.every(({ kind }) => kind === "map")) return undefined;
      through.push(reader);
      [value] = reader.outputs;
    }
  }

  /** Whether compaction sets elements to zero in front of input `k` of call `c`. */
  isMasked(c: number, k: number): boolean {
    const gates = this.gating.plan.calls[c].inputGates[k];
    return gates !== undefined && gates.shape.length > 1 && gates.gateOf.some((_, i) => !this.open(c, k, i));
  }

  /**
   * The layers of the compacted network as they run: depth first from the outputs, inputs in their order, as
   * {@link traceModel} and TensorFlow.js lay them out.
   */
  private schedule(): {
    inputs: number[];
    steps: { reads: number[]; writes: number[] }[];
    ends: number[];
    sizes: number[];
  } {
    const { graph, calls } = this.gating.anatomy;
    const sizes: number[] = [];
    const madeBy: ({ reads: number[]; writes: number[] } | undefined)[] = [];
    const buffer = (size: number): number => {
      madeBy.push(undefined);
      return sizes.push(size) - 1;
    };
    const layer = (reads: number[], outputs: readonly number[]): number[] => {
      const writes = outputs.map(buffer);
      for (const write of writes) madeBy[write] = { reads, writes };
      return writes;
    };
    const bufferOf = new Map<number, number>();
    const place = (value: number, made: number, maker?: WiredCall): void => {
      bufferOf.set(value, this.isSelected(value, maker) ? layer([made], [this.elements(value)])[0] : made);
    };
    const whole = (value: number): number => sizeOf(graph.values[value].shape);
    const inputs = graph.inputs.map((value) => buffer(whole(value)));
    graph.inputs.forEach((value, i) => place(value, inputs[i]));
    const masked = new Map<number, number>();
    for (const [c, call] of calls.entries()) {
      if (!this.isNeeded(call)) continue;
      const same = this.aliasOf(call);
      if (same !== undefined) {
        bufferOf.set(call.outputs[0], bufferOf.get(same)!);
        continue;
      }
      const operands = this.operandsOf(call);
      const reads = call.inputs.flatMap((value, k) => {
        if (!operands[k]) return [];
        const read = bufferOf.get(value)!;
        if (!this.isMasked(c, k)) return [read];
        if (!masked.has(value)) masked.set(value, layer([read], [sizes[read]])[0]);
        return [masked.get(value)!];
      });
      // A value that is read twice is copied for the second reading.
      const distinct = reads.map((read, i) => (reads.indexOf(read) === i ? read : layer([read], [sizes[read]])[0]));
      const writes = layer(
        distinct,
        call.outputs.map((value) => (this.isSelected(value, call) ? whole(value) : this.elements(value))),
      );
      call.outputs.forEach((value, o) => place(value, writes[o], call));
    }
    const ends = graph.outputs.map((value) => bufferOf.get(value)!);
    const steps: { reads: number[]; writes: number[] }[] = [];
    const known = new Set(inputs);
    const pending = [...ends].reverse();
    while (pending.length > 0) {
      const at = pending.at(-1)!;
      const step = madeBy[at];
      const missing = known.has(at) ? [] : step!.reads.filter((read) => !known.has(read));
      if (missing.length > 0) {
        pending.push(...missing.reverse());
        continue;
      }
      pending.pop();
      if (known.has(at)) continue;
      steps.push(step!);
      for (const write of step!.writes) known.add(write);
    }
    return { inputs, steps, ends, sizes };
  }

  private peakActivationBytes(): number {
    const { inputs, steps, ends, sizes } = this.schedule();
    const last = new Map<number, number>();
    steps.forEach(({ reads, writes }, s) => [...reads, ...writes].forEach((at) => last.set(at, s)));
    for (const end of ends) last.set(end, steps.length);
    const held = new Set(inputs);
    let live = inputs.reduce((sum, at) => sum + sizes[at], 0);
    let peak = live;
    for (const [s, { writes }] of steps.entries()) {
      for (const at of writes) {
        held.add(at);
        live += sizes[at];
      }
      peak = Math.max(peak, live);
      for (const at of [...held]) {
        if ((last.get(at) ?? -1) > s) continue;
        held.delete(at);
        live -= sizes[at];
      }
    }
    return 4 * peak;
  }
}

/** What a network costs. */
export interface Counts {
  /** Weights and biases; moving statistics aren't counted. */
  readonly parameters: number;
  /**
   * Products and sums of one example's forward pass: Dense in x out, convolutions output positions x kernel entries
   * (padding counted as if it weren't zero), transposed convolutions input positions x kernel entries, recurrent layers
   * once a time step. Weight masks count the kept weights. Everything else (biases, activations, normalisation,
   * pooling) counts nothing, except layers that declare their own `multiplyAdds`.
   */
  readonly multiplyAdds: number;
  /** The largest number of bytes (float32) that values of one example take up at one time, layer after layer. */
  readonly activationBytes: number;
}

/** What one layer costs. */
export type LayerCounts = Pick<Counts, "parameters" | "multiplyAdds">;

/** Custom layers may say what they cost: multiply-adds from the shape of one example. */
export interface CostedLayer {
  multiplyAdds(inputShape: readonly number[]): number;
}

/** Multiply-adds that a layer declares itself, for an example of this shape. */
export function ownMultiplyAdds({ layer }: WiredCall, inputShape: readonly number[]): number {
  return "multiplyAdds" in layer ? (layer as unknown as CostedLayer).multiplyAdds(inputShape) : 0;
}

const isConcatenation = (call: WiredCall): boolean => call.layer.getClassName() === "Concatenate";

/** Moving means and variances aren't parameters. */
export const isStatistic = (name: string): boolean => /\/moving_(mean|variance)$/.test(name);

const ones = (flags: Uint8Array): number => {
  let count = 0;
  for (let i = 0; i < flags.length; i++) count += flags[i];
  return count;
};

/** Visits the entries of a weight in row-major order; units stand along its last two axes only. */
function eachEntry(shape: readonly number[], visit: (row: number, column: number, entry: number) => void): void {
  const columns = shape.at(-1) ?? 1;
  const rows = shape.at(-2) ?? 1;
  const size = sizeOf(shape);
  let entry = 0;
  while (entry < size) {
    for (let row = 0; row < rows; row++) for (let column = 0; column < columns; column++) visit(row, column, entry++);
  }
}
