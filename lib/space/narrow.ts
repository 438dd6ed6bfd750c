import * as tf from "@tensorflow/tfjs";
import { compact, layerName, origins } from "./compact.js";
import type { GatedInput, GateSlot } from "./forward.js";
import { sizeOf } from "./labels.js";
import { isNoisy } from "./noise.js";
import { type SearchSpace, searchSpace } from "./space.js";
import type { Plan } from "./types.js";

/** A part of a tensor of the whole network: which of its entries, row-major, and how they are laid out. */
interface Part {
  /** The tensor's place among those of the whole network. */
  readonly of: number;
  readonly entries: Int32Array;
  /** Of each entry of the whole tensor its place in the part, or the part's size if it isn't there. */
  readonly places: Int32Array;
  readonly shape: readonly number[];
}

/** The network without the gates that are closed, computed with the tensors of the whole one. */
export interface Narrowed {
  readonly plan: Plan;
  /** Where gates act in it. */
  readonly slots: readonly GatedInput[];
  /** Its weights, taken out of those of the whole network; gradients come back as zeros elsewhere. */
  weights(whole: readonly tf.Tensor[]): tf.Tensor[];
  /** What its slots read, taken out of what the slots of the whole network read. */
  slotGates(whole: readonly tf.Tensor[]): tf.Tensor[];
  /** Of tensors of the whole network those of which nothing is left. */
  unused(weights: readonly tf.Tensor[], slotGates: readonly tf.Tensor[]): tf.Tensor[];
  dispose(): void;
}

/**
 * Lays out the network that is left when gates are closed, so that it computes what the whole one does with those gates
 * at zero, at the price of the compacted one.
 *
 * @param slots - of the whole network
 * @param mask - 0 for the gates that are closed, [gateCount]
 * @returns undefined where that can't be: gates on weights or on operations, a layer that is called twice or draws numbers, or a
 *   network that is cut
 */
export function narrow(space: SearchSpace, slots: readonly GateSlot[], mask: Uint8Array): Narrowed | undefined {
  const { calls } = space.gating.anatomy;
  const simple =
    slots.every(({ call, sumOf }) => call !== undefined && sumOf === undefined) &&
    new Set(calls.map(({ layer }) => layer)).size === calls.length &&
    calls.every(({ layer }) => !isNoisy(layer));
  if (!simple) return undefined;
  const liveness = space.liveness(mask);
  if (liveness.cuts.length > 0) return undefined;

  const model = compact(space, liveness, space.currentWeights());
  const { plan } = searchSpace(model, { gates: () => "none" });
  const from = origins(space, liveness);
  const weights = plan.weights.map(({ name, shape }) => {
    const { weight, entries } = from.get(name)!;
    return part(weight, entries, sizeOf(space.plan.weights[weight].shape), shape);
  });

  const places: GatedInput[] = [];
  const gates: Part[] = [];
  for (const [s, { call: c, index, shape, size }] of slots.entries()) {
    const call = calls[c!];
    if (!liveness.isNeeded(call) || !liveness.operandsOf(call)[index]) continue;
    const there = plan.calls.findIndex(({ layer }) => layer.name === layerName(call));
    if (there < 0) return undefined;
    const whole = Int32Array.from({ length: size }, (_, i) => i);
    const alive = size === 1 || liveness.isMasked(c!, index) ? whole : liveness.aliveUnits(call.inputs[index]);
    const narrowed = alive === whole ? shape : [...shape.slice(0, -1), alive.length];
    if (sizeOf(narrowed) !== alive.length) return undefined;
    places.push({ call: there, index: liveness.operandsOf(call).slice(0, index).filter(Boolean).length });
    gates.push(part(s, alive, size, narrowed));
  }
  return {
    plan,
    slots: places,
    weights: (whole) => weights.map((each) => take(whole[each.of], each)),
    slotGates: (whole) => gates.map((each) => take(whole[each.of], each)),
    unused: (all, slotGates) => [...without(all, weights), ...without(slotGates, gates)],
    dispose: () => void model.dispose(),
  };
}

function without(tensors: readonly tf.Tensor[], parts: readonly Part[]): tf.Tensor[] {
  const used = new Set(parts.map(({ of }) => of));
  return tensors.filter((_, i) => !used.has(i));
}

function part(of: number, entries: Int32Array, size: number, shape: readonly number[]): Part {
  const places = new Int32Array(size).fill(entries.length);
  entries.forEach((entry, place) => (places[entry] = place));
  return { of, entries, places, shape };
}

/** The part of a tensor; its gradient is gathered too, where TensorFlow.js would sum segments. */
function take(whole: tf.Tensor, { entries, places, shape }: Part): tf.Tensor {
  if (entries.length === whole.size) return tf.reshape(whole, shape as number[]);
  const gather = tf.customGrad((x) => ({
    value: tf.gather(tf.reshape(x as tf.Tensor, [-1]), tf.tensor1d(entries, "int32")),
    gradFunc: (gradient: tf.Tensor) => {
      const withZero = tf.concat1d([gradient as tf.Tensor1D, tf.zeros([1])]);
      return tf.reshape(tf.gather(withZero, tf.tensor1d(places, "int32")), whole.shape);
    },
  }));
  return tf.reshape(gather(whole), shape as number[]);
}
