import * as tf from "@tensorflow/tfjs";
import { batchNorm } from "../engine/batchNorm.js";
import { TwotempError } from "../errors.js";
import { type Address, Random } from "../engine/random.js";
import { isNoise, noiseOf, withDropouts } from "./noise.js";
import type { LayerCall, Plan, ValueGates } from "./types.js";

/** How {@link forward} runs a plan. */
export interface ForwardOptions {
  /** Batch statistics and dropout as in training; default false. */
  readonly training?: boolean;
  /** Stop before the softmax of the last layer, if it has one; default false. */
  readonly logits?: boolean;
  /** Where dropout masks are drawn; needed when training a model with dropout. */
  readonly dropout?: Address;
  /** Receives the new moving mean and variance of each batch normalisation, by weight index, when training. */
  readonly onMovingStatistics?: (weight: number, value: tf.Tensor) => void;
  /** Stop at this value instead of the model's outputs. */
  readonly until?: number;
}

/** An input of a call that gates are multiplied with, or a weight. */
export interface GatedInput {
  /** The call whose input is gated, or undefined for a weight. */
  readonly call: number | undefined;
  /** The index of the input within its call, or of the weight within the plan. */
  readonly index: number;
}

/** The gates as the layers of a plan read them: one tensor a gated input or weight, scaled to keep the variance. */
export interface GateSlot extends GatedInput {
  readonly shape: readonly number[];
  /** Gate of each value; undefined when they are `offset`, `offset + 1`, ... */
  readonly gateOf: Int32Array | undefined;
  readonly offset: number;
  readonly size: number;
  /** Whether the slot feeds a sum whose variance is to be kept. */
  readonly scaled: boolean;
  /**
   * For an operand of a sum of operations, the gates of all its operands. The sum is divided by the square root of
   * theirs, always: there is no weight that could take up the factor.
   */
  readonly sumOf: Int32Array | undefined;
}

function slotOfInput(plan: Plan, call: number, index: number, gates: ValueGates): GateSlot {
  const { gateOf, shape } = gates;
  const offset = gateOf[0];
  const contiguous = offset >= 0 && gateOf.every((gate, i) => gate === offset + i);
  return {
    call,
    index,
    shape,
    gateOf: contiguous ? undefined : gateOf,
    offset,
    size: gateOf.length,
    scaled: plan.calls[call].sumsOverGates,
    sumOf: sumsOperations(plan.calls[call])
      ? Int32Array.from(plan.calls[call].inputGates, (operand) => operand!.gateOf[0])
      : undefined,
  };
}

const sumsOperations = (call: LayerCall): boolean => call.sumsOverGates && call.weights.length === 0;

/** Every place of `plan` where gates act: gated weights first, then gated inputs in the order of the calls. */
export function gateSlots(plan: Plan): GateSlot[] {
  const weights = plan.weights.flatMap((weight, index): GateSlot[] => {
    if (weight.gateOffset === undefined) return [];
    const size = weight.shape.reduce((product, extent) => product * extent, 1);
    return [
      {
        call: undefined,
        index,
        shape: weight.shape,
        gateOf: undefined,
        offset: weight.gateOffset,
        size,
        scaled: true,
        sumOf: undefined,
      },
    ];
  });
  const inputs = plan.calls.flatMap((call, c) =>
    call.inputGates.flatMap((gates, i) => (gates ? [slotOfInput(plan, c, i, gates)] : [])),
  );
  return [...weights, ...inputs];
}

/**
 * The gates as each slot reads them, and the factor that was applied.
 *
 * A slot that feeds a sum is divided by the square root of its open fraction (mean gate, at least one gate's worth), so
 * that a gated layer's output keeps its variance. No gradient passes through that factor.
 *
 * @param gates - all gates, [gateCount]
 * @returns for each slot its gates and the scalar factor they were multiplied by
 */
export function expandGates(
  slots: readonly GateSlot[],
  gates: tf.Tensor1D,
  scaleByOpenFraction: boolean = true,
): { values: tf.Tensor[]; factors: (tf.Tensor | undefined)[] } {
  const values: tf.Tensor[] = [];
  const factors: (tf.Tensor | undefined)[] = [];
  const sumFactors = new Map<number, tf.Tensor>();
  for (const slot of slots) {
    let flat: tf.Tensor1D;
    if (slot.gateOf === undefined) {
      const whole = slot.offset === 0 && slot.size === gates.size;
      flat = whole ? gates : tf.slice1d(gates, slot.offset, slot.size);
    } else {
      // Ungated values read a one behind the last gate.
      const gateOf = slot.gateOf.map((gate) => (gate < 0 ? gates.size : gate));
      flat = tf.gather(tf.concat1d([gates, tf.ones([1])]), gateOf);
    }
    let factor: tf.Tensor | undefined;
    if (slot.sumOf) {
      factor = sumFactors.get(slot.call!);
      if (!factor) {
        // The layer itself divides by the root of the number of its operands.
        const open = tf.maximum(tf.sum(tf.gather(gates, slot.sumOf)), 1);
        factor = tf.mul(Math.sqrt(slot.sumOf.length), tf.rsqrt(open));
        sumFactors.set(slot.call!, factor);
      }
      flat = tf.mul<tf.Tensor1D>(flat, factor);
    } else if (slot.scaled && scaleByOpenFraction) {
      factor = tf.rsqrt(tf.maximum(tf.mean(flat), 1 / slot.size));
      flat = tf.mul<tf.Tensor1D>(flat, factor);
    }
    values.push(tf.reshape(flat, slot.shape as number[]));
    factors.push(factor);
  }
  return { values, factors };
}

/**
 * The gradient with respect to all gates, from the gradients with respect to what the slots read.
 *
 * @param gradients - one tensor a slot, as expanded by {@link expandGates}
 * @returns [gateCount]
 */
export function collectGateGradient(
  slots: readonly GateSlot[],
  gradients: readonly tf.Tensor[],
  factors: readonly (tf.Tensor | undefined)[],
  gateCount: number,
): tf.Tensor1D {
  return tf.tidy(() => {
    const flat = gradients.map((gradient, s) => {
      const vector = tf.reshape(gradient, [-1]);
      const factor = factors[s];
      return factor ? tf.mul(vector, factor) : vector;
    });
    if (flat.length > 0 && slotsTile(slots, gateCount))
      return (flat.length === 1 ? flat[0] : tf.concat(flat)) as tf.Tensor1D;
    let total: tf.Tensor1D | undefined;
    for (const [s, slot] of slots.entries()) {
      let part: tf.Tensor1D;
      if (slot.gateOf === undefined) {
        part = tf.pad1d(flat[s] as tf.Tensor1D, [slot.offset, gateCount - slot.offset - slot.size]);
      } else {
        const segment = slot.gateOf.map((gate) => (gate < 0 ? gateCount : gate));
        const sums = tf.unsortedSegmentSum(flat[s], tf.tensor1d(segment, "int32"), gateCount + 1);
        part = tf.slice(sums, 0, gateCount) as tf.Tensor1D;
      }
      total = total ? tf.add<tf.Tensor1D>(total, part) : part;
    }
    return total ?? tf.zeros([gateCount]);
  });
}

/** Whether the slots are the gates in order, each once: then their gradients only need to be joined. */
export function slotsTile(slots: readonly GateSlot[], gateCount: number): boolean {
  let next = 0;
  for (const slot of slots) {
    if (slot.gateOf !== undefined || slot.offset !== next) return false;
    next += slot.size;
  }
  return next === gateCount;
}

/** What TensorFlow.js keeps private of a layer and a functional call has to reach. */
interface Internals {
  weights: { val: tf.Tensor }[];
  activation?: { getClassName?(): string };
}

/** Runs `call` with the layer's variables standing for other tensors, and puts them back whatever happens. */
function withWeights<T>(layer: tf.layers.Layer, weights: readonly tf.Tensor[], call: () => T): T {
  const variables = (layer as unknown as Internals).weights;
  const own = variables.map((variable) => variable.val);
  try {
    variables.forEach((variable, i) => (variable.val = weights[i]));
    return call();
  } finally {
    variables.forEach((variable, i) => (variable.val = own[i]));
  }
}

const linear = { getClassName: (): string => "linear", apply: (x: tf.Tensor): tf.Tensor => x };

/** Runs `call` with the layer's activation left out. */
function withoutActivation<T>(layer: tf.layers.Layer, call: () => T): T {
  const internals = layer as unknown as { activation: unknown };
  const own = internals.activation;
  try {
    internals.activation = linear;
    return call();
  } finally {
    internals.activation = own;
  }
}

/** Whether the layer ends in a softmax that {@link ForwardOptions.logits} leaves out. */
function endsInSoftmax(layer: tf.layers.Layer): boolean {
  return (layer as unknown as Internals).activation?.getClassName?.() === "softmax";
}

/** What a layer of batch normalisation was made with. */
interface BatchNormalization {
  readonly axis: number;
  readonly momentum: number;
  readonly epsilon: number;
  readonly center: boolean;
  readonly scale: boolean;
}

/** What a batch normalisation does besides, when nothing but its sole reader sees its output. */
interface Absorbed {
  /** Apply relu; only asked for over the last axis, see {@link followingRelu}. */
  readonly relu: boolean;
  /** Multiply by this gate, a single one. */
  readonly gate: tf.Tensor | undefined;
}

function batchNormalizationCall(
  call: LayerCall,
  input: tf.Tensor,
  weights: readonly tf.Tensor[],
  options: ForwardOptions,
  { relu, gate }: Absorbed,
): tf.Tensor {
  const config = call.layer as unknown as BatchNormalization;
  const axis = config.axis < 0 ? config.axis + input.rank : config.axis;
  const shape = input.shape.map((extent, i) => (i === axis ? extent : 1));
  const across = input.shape.map((_, i) => i).filter((i) => i !== axis);
  let next = 0;
  const channels: [number] = [input.shape[axis]];
  // A gate on the output is one on scale and offset, which are a few numbers.
  const gated = (vector: tf.Tensor): tf.Tensor1D =>
    (gate ? tf.mul(vector, tf.reshape(gate, [])) : vector) as tf.Tensor1D;
  // TensorFlow.js takes no gradient without them.
  const gamma = gated(config.scale ? weights[next++] : tf.ones(channels));
  const beta = gated(config.center ? weights[next++] : tf.zeros(channels));
  let mean = weights[next];
  let variance = weights[next + 1];
  const channelsLast = axis === input.rank - 1 && input.rank >= 2 && input.rank <= 4;
  if (options.training) {
    const count = across.reduce((product, i) => product * input.shape[i], 1);
    const fused = channelsLast ? batchNorm(input, gamma, beta, config.epsilon, { relu }) : undefined;
    const moments = fused ?? tf.moments(input, across);
    if (options.onMovingStatistics) {
      const keep = config.momentum;
      const blend = (old: tf.Tensor, now: tf.Tensor): tf.Tensor => tf.add(tf.mul(old, keep), tf.mul(now, 1 - keep));
      const unbiased = fused?.variance ?? tf.mul(moments.variance, count / Math.max(1, count - 1));
      options.onMovingStatistics(call.weights[next], blend(mean, moments.mean));
      options.onMovingStatistics(call.weights[next + 1], blend(variance, unbiased));
    }
    if (fused) return fused.output;
    ({ mean, variance } = moments);
  }
  if (channelsLast) {
    return tf.batchNorm(input, mean as tf.Tensor1D, variance as tf.Tensor1D, beta, gamma, config.epsilon);
  }
  const wide = (vector: tf.Tensor): tf.Tensor => tf.reshape(vector, shape);
  const scaled = tf.mul(tf.sub(input, wide(mean)), tf.rsqrt(tf.add(wide(variance), config.epsilon)));
  return tf.add(tf.mul(scaled, wide(gamma)), wide(beta));
}

function callLayer(
  call: LayerCall,
  index: number,
  inputs: readonly tf.Tensor[],
  weights: readonly tf.Tensor[],
  options: ForwardOptions,
  last: boolean,
  absorbed: Absorbed,
  mask: tf.Tensor | null,
): tf.Tensor[] {
  const { layer } = call;
  const className = layer.getClassName();
  const draws = options.training ? (): Random => drawsOf(call, index, options) : undefined;
  if (isNoise(layer)) return [noiseOf(layer, inputs[0], draws)];
  if (className === "BatchNormalization") return [batchNormalizationCall(call, inputs[0], weights, options, absorbed)];
  if (className === "Softmax" && last && options.logits) return [tf.clone(inputs[0])];
  const plain = (): tf.Tensor | tf.Tensor[] =>
    layer.call(inputs.length === 1 ? inputs[0] : [...inputs], {
      training: options.training ?? false,
      ...(mask && { mask }),
    });
  const run = last && options.logits && endsInSoftmax(layer) ? () => withoutActivation(layer, plain) : plain;
  const out = withWeights(layer, weights, () => withDropouts(layer, draws, run));
  return Array.isArray(out) ? out : [out];
}

/** Where a layer draws its numbers. */
function drawsOf({ layer }: LayerCall, index: number, { dropout }: ForwardOptions): Random {
  if (dropout) return new Random(...dropout, "dropout", index);
  throw new TwotempError("space/dropout", `layer ${layer.name} draws numbers: give an address for its draws`);
}

/** Layers whose kernel is [..., inputs, outputs] and whose output is linear in it. */
const linearInKernel = new Set(["Dense", "Conv1D", "Conv2D", "Conv3D"]);

/**
 * Whether gates on the channels that a layer reads may multiply its kernel instead of the value read, and whether that
 * is less work: `(x diag(a)) W = x (diag(a) W)`. A kernel is usually much smaller than a batch of images.
 */
function actsOnKernel(call: LayerCall, gate: tf.Tensor, value: tf.Tensor, weights: readonly tf.Tensor[]): boolean {
  if (!linearInKernel.has(call.layer.getClassName())) return false;
  const [kernel] = weights;
  const channels = kernel.shape[kernel.rank - 2];
  const byChannel = gate.size === channels && gate.shape[gate.rank - 1] === channels;
  return byChannel && kernel.size < value.size;
}

/** Whether a layer is a plain relu. */
function isRelu(layer: tf.layers.Layer): boolean {
  const { activation, maxValue } = layer as unknown as { activation?: { getClassName?(): string }; maxValue?: number };
  if (layer.getClassName() === "ReLU") return maxValue === undefined || maxValue === null;
  return layer.getClassName() === "Activation" && activation?.getClassName?.() === "relu";
}

/** The input of a call that is all that reads a value; undefined for the model's outputs. */
function soleReader(plan: Plan, value: number): { readonly call: number; readonly index: number } | undefined {
  const readers = plan.calls.flatMap(({ inputs }, call) =>
    inputs.flatMap((read, index) => (read === value ? [{ call, index }] : [])),
  );
  return readers.length === 1 && !plan.outputs.includes(value) ? readers[0] : undefined;
}

/** The relu behind a batch normalisation over the last axis, if `reader` is one: one op can do both. */
function followingRelu(call: LayerCall, reader: LayerCall, rank: number): LayerCall | undefined {
  if (rank < 2 || rank > 4) return undefined;
  const { axis } = call.layer as unknown as BatchNormalization;
  const channelsLast = axis === -1 || axis === rank - 1;
  return channelsLast && reader.inputGates[0] === undefined && isRelu(reader.layer) ? reader : undefined;
}

/**
 * Runs a plan with the tensors that each gated slot reads given from outside: the form whose gradients a search takes.
 *
 * @param weights - one tensor a weight of the plan; gated weights are to be multiplied by their gates already
 * @param slotGates - gates of each gated input, by slot; weight slots are ignored here
 * @param inputs - one batch a model input, [batch, ...inputShape]
 * @returns the model's outputs
 */
export function forwardSlots(
  plan: Plan,
  slots: readonly GatedInput[],
  weights: readonly tf.Tensor[],
  slotGates: readonly (tf.Tensor | undefined)[],
  inputs: readonly tf.Tensor[],
  options: ForwardOptions = {},
): tf.Tensor[] {
  const values = new Array<tf.Tensor | undefined>(plan.valueCount);
  // Which steps of a sequence count, where a layer has said so; passed on as TensorFlow.js does.
  const masks = new Array<tf.Tensor | null>(plan.valueCount).fill(null);
  if (inputs.length !== plan.inputs.length) {
    throw new TwotempError("space/inputs", `the model has ${plan.inputs.length} inputs, got ${inputs.length}`);
  }
  plan.inputs.forEach((value, i) => (values[value] = inputs[i]));
  const gateOfInput = new Map<string, tf.Tensor>();
  slots.forEach((slot, s) => {
    const gate = slotGates[s];
    if (slot.call !== undefined && gate) gateOfInput.set(`${slot.call}/${slot.index}`, gate);
  });
  const absorbedBy = (call: LayerCall, rank: number): Absorbed & { readonly follows?: LayerCall } => {
    const none = { relu: false, gate: undefined };
    const [value] = call.outputs;
    if (call.layer.getClassName() !== "BatchNormalization" || value === options.until) return none;
    const reader = soleReader(plan, value);
    if (!reader) return none;
    const place = `${reader.call}/${reader.index}`;
    const gate = gateOfInput.get(place);
    if (gate?.size === 1) {
      gateOfInput.delete(place);
      return { relu: false, gate };
    }
    const trains = options.training && options.until === undefined;
    const follows = trains ? followingRelu(call, plan.calls[reader.call], rank) : undefined;
    return { relu: follows !== undefined, gate: undefined, follows };
  };
  for (const [c, call] of plan.calls.entries()) {
    if (values[call.outputs[0]]) continue;
    const own = call.weights.map((w) => weights[w]);
    const read = call.inputs.map((value, i) => {
      const gate = gateOfInput.get(`${c}/${i}`);
      if (!gate) return values[value]!;
      if (!actsOnKernel(call, gate, values[value]!, own)) return tf.mul(values[value]!, gate);
      own[0] = tf.mul(own[0], tf.reshape(gate, [-1, 1]));
      return values[value]!;
    });
    const last = call.outputs.some((value) => plan.outputs.includes(value));
    const absorbed = absorbedBy(call, read[0].rank);
    const readMasks = call.inputs.map((value) => masks[value]);
    const made = callLayer(call, c, read, own, options, last, absorbed, readMasks[0]);
    made.forEach((tensor, i) => (values[call.outputs[i]] = tensor));
    if (call.layer.supportsMasking) {
      const mask = call.layer.computeMask(read, readMasks as tf.Tensor[]);
      call.outputs.forEach((value) => (masks[value] = (Array.isArray(mask) ? mask[0] : mask) ?? null));
    }
    if (absorbed.follows) values[absorbed.follows.outputs[0]] = made[0];
    if (options.until !== undefined && values[options.until]) return [values[options.until]!];
  }
  return plan.outputs.map((value) => values[value]!);
}

/**
 * Runs a model with weights and gates given from outside; the model's own variables are left alone.
 *
 * @param plan - the model laid out by a search space
 * @param weights - one tensor a weight of the plan, in its order
 * @param gates - all gates, [gateCount], or undefined for the ungated model
 * @param inputs - one batch a model input, [batch, ...inputShape]
 * @returns the model's outputs
 * @example
 * ```ts
 * const [logits] = forward(space.plan, weights, gates, [images]);
 * ```
 */
export function forward(
  plan: Plan,
  weights: readonly tf.Tensor[],
  gates: tf.Tensor1D | undefined,
  inputs: readonly tf.Tensor[],
  options: ForwardOptions & { scaleByOpenFraction?: boolean } = {},
): tf.Tensor[] {
  return tf.tidy(() => {
    if (!gates) return forwardSlots(plan, [], weights, [], inputs, options);
    const slots = gateSlots(plan);
    const { values } = expandGates(slots, gates, options.scaleByOpenFraction ?? true);
    const masked = [...weights];
    slots.forEach((slot, s) => {
      if (slot.call === undefined) masked[slot.index] = tf.mul(weights[slot.index], values[s]);
    });
    return forwardSlots(plan, slots, masked, values, inputs, options);
  });
}
