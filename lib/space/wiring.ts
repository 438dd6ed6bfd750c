import type * as tf from "@tensorflow/tfjs";
import { sizeOf, type Labels, type Units } from "./labels.js";

/** A set of positions that hold units: a value of the model, or a set inside a layer. */
export interface Station {
  readonly labels: Labels;
  /** How several links into the station combine. */
  readonly merge: "add" | "multiply" | "other";
  /** What stays zero when nothing comes in: false behind a sigmoid. */
  readonly keepsZero: boolean;
}

/** How units of one station depend on units of another. */
export type Link =
  | {
      /** Every unit of `to` sums over all units of `from`, through a kernel if there is one. */
      readonly kind: "sum";
      readonly from: number;
      readonly to: number;
      readonly kernel?: Kernel;
      /** Multiply-adds of one kernel entry in one example. */
      readonly positions: number;
    }
  | {
      /** Unit `i` of `to` depends on unit `index[i]` of `from` (-1: on none). */
      readonly kind: "map";
      readonly from: number;
      readonly to: number;
      readonly index: Int32Array;
      readonly kernel?: Kernel;
      readonly positions: number;
    };

/** A weight that connects units of two stations. */
export interface Kernel {
  /** Index in the layer's weights. */
  readonly weight: number;
  readonly inAxis: number;
  readonly outAxis: number;
}

/**
 * What one call of a layer does with units. Stations are numbers; while a rule runs, input `k` of the call goes by the
 * number `-1 - k`.
 */
export interface Wiring {
  readonly outputs: readonly number[];
  readonly links: readonly Link[];
  /** For each weight and each of its axes, the station whose units stand along it. */
  readonly axes: readonly (readonly (number | undefined)[])[];
  /** Whether gates act at this call's inputs (it sums over them). */
  readonly reads: boolean;
}

/** What a rule is given to say what a layer does. */
export interface WiringContext {
  readonly layer: tf.layers.Layer;
  readonly config: Readonly<Record<string, unknown>>;
  readonly units: Units;
  /** Numbers, labels and shapes of the inputs. */
  readonly inputs: readonly { readonly station: number; readonly labels: Labels; readonly shape: readonly number[] }[];
  /**
   * Input `k` with its units along the last axis: the input as it is, or, where each element has a gate, new units that
   * stay, with the gates acting in front of this call.
   */
  channels(k: number): WiringContext["inputs"][number];
  readonly outputShapes: readonly (readonly number[])[];
  readonly weightShapes: readonly (readonly number[])[];
  /** Units that the layer makes; `closed` says why they can't be gated. */
  fresh(count: number, closed?: string): Int32Array;
  station(labels: Labels, options?: { merge?: Station["merge"]; keepsZero?: boolean }): number;
}

export type WiringRule = (context: WiringContext) => Wiring;

/** Activations f with f(0) = 0. */
const zeroKeeping = new Set([
  "linear",
  "relu",
  "relu6",
  "tanh",
  "elu",
  "selu",
  "softsign",
  "swish",
  "silu",
  "gelu",
  "gelu_new",
  "mish",
]);

export const activationName = (config: Readonly<Record<string, unknown>>): string => {
  const activation = config.activation;
  if (typeof activation === "string") return activation;
  const className = (activation as { className?: string } | undefined)?.className;
  return className ?? "linear";
};

export const activationKeepsZero = (name: string): boolean => zeroKeeping.has(name);

const iota = (count: number): Int32Array => Int32Array.from({ length: count }, (_, i) => i);
const channelsOf = (shape: readonly number[]): number => shape.at(-1) ?? 1;
const isChannels = (labels: Labels): boolean => labels.shape.length === 1;
const channelsFirst = (config: Readonly<Record<string, unknown>>): boolean => config.dataFormat === "channelsFirst";

/** Everything in, everything out, nothing removable: for layers whose inside we don't follow. */
export function opaque(why: string, keepsZero: boolean = false): WiringRule {
  return (context) => {
    const reason = `${context.layer.getClassName()} ${context.layer.name} ${why}`;
    const axes = context.weightShapes.map((shape) => shape.map(() => undefined));
    context.inputs.forEach((_, k) => context.units.close(context.channels(k).labels.nodes, reason));
    return mixing(context, reason, axes, keepsZero);
  };
}

/** Fresh closed outputs, each reading every input. */
function mixing(context: WiringContext, reason: string, axes: Wiring["axes"], keepsZero: boolean = false): Wiring {
  const outputs = context.outputShapes.map((shape) => {
    const labels = { shape: [channelsOf(shape)], nodes: context.fresh(channelsOf(shape), reason) };
    return context.station(labels, { keepsZero, merge: "other" });
  });
  const links = outputs.flatMap((to) =>
    context.inputs.map((_, k): Link => ({ kind: "sum", from: context.channels(k).station, to, positions: 0 })),
  );
  return { outputs, links, axes, reads: false };
}

/** Value by value: activations, dropout, noise. */
export const elementwise =
  (keepsZero: boolean | ((config: Readonly<Record<string, unknown>>) => boolean) = true): WiringRule =>
  (context) => {
    const [{ station: from, labels }] = context.inputs;
    if (activationName(context.config) === "softmax") return softmax(context);
    const keeps = typeof keepsZero === "function" ? keepsZero(context.config) : keepsZero;
    const to = context.station(labels, { keepsZero: keeps });
    const axes = context.weightShapes.map((shape) =>
      shape.map((extent, axis) =>
        isChannels(labels) && axis === shape.length - 1 && extent === labels.nodes.length ? to : undefined,
      ),
    );
    const link: Link = { kind: "map", from, to, index: iota(labels.nodes.length), positions: 0 };
    return { outputs: [to], links: [link], axes, reads: false };
  };

/** Each output unit depends on all input units. */
export const softmax: WiringRule = opaque("normalises over its units");

/** Masking: its own inputs can't be gated either if it looks for another value than 0, which a gate that isn't open would change. */
export const masking: WiringRule = (context) => {
  const value = Number(context.config.maskValue ?? 0);
  if (value !== 0) {
    const reason = `Masking ${context.layer.name} looks for ${value} in it, which gates would change: mask 0 instead`;
    context.units.close(context.inputs[0].labels.nodes, reason);
  }
  return opaque("compares all features of a time step")(context);
};

/** Batch normalisation: value by value when it normalises the last axis. */
export const batchNorm: WiringRule = (context) => {
  const [{ shape, labels, station: from }] = context.inputs;
  const axis = Number(context.config.axis ?? -1);
  const last = axis === -1 || axis === shape.length;
  if (!last) return opaque("normalises another axis than the last")(context);
  const to = context.station(labels, { keepsZero: context.config.scale !== false });
  const own = isChannels(labels) ? to : undefined;
  return {
    outputs: [to],
    links: [{ kind: "map", from, to, index: iota(labels.nodes.length), positions: 0 }],
    axes: context.weightShapes.map(() => [own]),
    reads: false,
  };
};

/** Channel by channel, over space or time: pooling, padding, cropping, upsampling. */
export const channelwise =
  (keepsZero: boolean = true): WiringRule =>
  (context) => {
    if (channelsFirst(context.config)) return opaque("has its channels first")(context);
    const { station: from, labels } = context.channels(0);
    const to = context.station(labels, { keepsZero });
    const link: Link = { kind: "map", from, to, index: iota(labels.nodes.length), positions: 0 };
    return { outputs: [to], links: [link], axes: [], reads: false };
  };

/** Flatten: every position of a channel is that channel. */
export const flatten: WiringRule = (context) => {
  const [{ station: from, labels, shape }] = context.inputs;
  if (channelsFirst(context.config)) return opaque("has its channels first")(context);
  const size = sizeOf(shape);
  const period = labels.nodes.length;
  const index = Int32Array.from({ length: size }, (_, i) => i % period);
  const to = context.station({ shape: [size], nodes: index.map((i) => labels.nodes[i]) });
  return { outputs: [to], links: [{ kind: "map", from, to, index, positions: 0 }], axes: [], reads: false };
};

/** Reshape: like flatten when it flattens, channel by channel when the last axis stays; else closed. */
export const reshape: WiringRule = (context) => {
  const target = context.outputShapes[0];
  if (target.length === 1) return flatten(context);
  const sameChannels = channelsOf(target) === channelsOf(context.inputs[0].shape);
  return sameChannels ? channelwise()(context) : opaque("changes the channel axis")(context);
};

/** Permute: passes when the last axis stays last. */
export const permute: WiringRule = (context) => {
  const dims = context.config.dims as number[];
  const staysLast = dims.at(-1) === dims.length;
  return staysLast ? channelwise()(context) : opaque("moves the channel axis")(context);
};

/** RepeatVector: [features] to [times, features]. */
export const repeat: WiringRule = channelwise();

/**
 * A layer with a kernel that sums over its input's channels: Dense and convolutions.
 *
 * @param axesOfKernel - which axes of the kernel are input and output channels
 * @param positionsOf - how often a kernel entry is used in one example
 */
export function summing(
  axesOfKernel: (rank: number) => { inAxis: number; outAxis: number },
  positionsOf: (input: readonly number[], output: readonly number[]) => number,
): WiringRule {
  return (context) => {
    if (channelsFirst(context.config)) return opaque("has its channels first")(context);
    const { station: from, shape } = context.channels(0);
    const output = context.outputShapes[0];
    const name = activationName(context.config);
    const closed = name === "softmax" ? "softmax normalises over the units" : undefined;
    const nodes = context.fresh(channelsOf(output), closed);
    const to = context.station({ shape: [channelsOf(output)], nodes }, { keepsZero: activationKeepsZero(name) });
    const rank = context.weightShapes[0].length;
    const { inAxis, outAxis } = axesOfKernel(rank);
    const axes = context.weightShapes.map((weightShape, w) =>
      w === 0 ? weightShape.map((_, axis) => (axis === outAxis ? to : axis === inAxis ? from : undefined)) : [to],
    );
    const kernel: Kernel = { weight: 0, inAxis, outAxis };
    const link: Link = { kind: "sum", from, to, kernel, positions: positionsOf(shape, output) };
    return { outputs: [to], links: [link], axes, reads: true };
  };
}

const withoutChannels = (shape: readonly number[]): number => sizeOf(shape.slice(0, -1));

export const dense: WiringRule = summing(
  () => ({ inAxis: 0, outAxis: 1 }),
  (input) => withoutChannels(input),
);

export const convolution: WiringRule = (context) => {
  const groups = Number(context.config.groups ?? 1);
  if (groups !== 1) return opaque("convolves in groups")(context);
  return summing(
    (rank) => ({ inAxis: rank - 2, outAxis: rank - 1 }),
    (_, output) => withoutChannels(output),
  )(context);
};

export const transposedConvolution: WiringRule = summing(
  (rank) => ({ inAxis: rank - 1, outAxis: rank - 2 }),
  (input) => withoutChannels(input),
);

/** Depthwise convolution: output channel c * multiplier + j is input channel c. */
export const depthwise: WiringRule = (context) => {
  if (channelsFirst(context.config)) return opaque("has its channels first")(context);
  const { station: from, labels } = context.channels(0);
  const [kernelShape] = context.weightShapes;
  const name = activationName(context.config);
  if (name === "softmax") return softmax(context);
  const { index, nodes } = multiplied(labels, kernelShape);
  const to = context.station({ shape: [nodes.length], nodes }, { keepsZero: activationKeepsZero(name) });
  const positions = withoutChannels(context.outputShapes[0]);
  const kernel: Kernel = { weight: 0, inAxis: 2, outAxis: 3 };
  return {
    outputs: [to],
    links: [{ kind: "map", from, to, index, kernel, positions }],
    axes: [[undefined, undefined, from, undefined], ...context.weightShapes.slice(1).map(() => [to])],
    reads: false,
  };
};

function multiplied(labels: Labels, kernelShape: readonly number[]): { index: Int32Array; nodes: Int32Array } {
  const multiplier = kernelShape[3];
  const index = Int32Array.from({ length: labels.nodes.length * multiplier }, (_, i) => Math.floor(i / multiplier));
  return { index, nodes: index.map((i) => labels.nodes[i]) };
}

/** Separable convolution: a depthwise one, then a pointwise one. */
export const separable: WiringRule = (context) => {
  if (channelsFirst(context.config)) return opaque("has its channels first")(context);
  const { station: from, labels } = context.channels(0);
  const [kernelShape] = context.weightShapes;
  const output = context.outputShapes[0];
  const positions = withoutChannels(output);
  const { index, nodes } = multiplied(labels, kernelShape);
  const middle = context.station({ shape: [nodes.length], nodes });
  const name = activationName(context.config);
  const closed = name === "softmax" ? "softmax normalises over the units" : undefined;
  const made = context.fresh(channelsOf(output), closed);
  const to = context.station({ shape: [made.length], nodes: made }, { keepsZero: activationKeepsZero(name) });
  return {
    outputs: [to],
    links: [
      { kind: "map", from, to: middle, index, kernel: { weight: 0, inAxis: 2, outAxis: 3 }, positions },
      { kind: "sum", from: middle, to, kernel: { weight: 1, inAxis: 2, outAxis: 3 }, positions },
    ],
    axes: [
      [undefined, undefined, from, undefined],
      [undefined, undefined, middle, to],
      ...context.weightShapes.slice(2).map(() => [to]),
    ],
    reads: true,
  };
};

/** Add, Multiply, Average, Maximum, Minimum: the inputs' units agree, position by position. */
export const merging =
  (merge: Station["merge"]): WiringRule =>
  (context) => {
    const { units } = context;
    const inputs = context.inputs.map((_, k) => context.channels(k));
    const channels = channelsOf(context.outputShapes[0]);
    const wide = inputs.filter(({ labels }) => labels.nodes.length === channels);
    const [first, ...others] = wide;
    for (const { labels } of others) units.uniteAll(first.labels.nodes, labels.nodes);
    for (const { labels } of inputs) {
      // One channel that is spread over all of them stays, whichever of them go.
      if (labels.nodes.length !== channels)
        units.close(labels.nodes, `is spread over the channels of ${context.layer.name}`);
    }
    const to = context.station(first.labels, { merge });
    const links = inputs.map(({ station: from, labels }): Link => {
      const index = labels.nodes.length === channels ? iota(channels) : new Int32Array(channels);
      return { kind: "map", from, to, index, positions: 0 };
    });
    return { outputs: [to], links, axes: [], reads: false };
  };

/** Concatenation: of channels, or (along another axis) of values whose channels agree. */
export const concatenate: WiringRule = (context) => {
  const inputs = context.inputs.map((_, k) => context.channels(k));
  const axis = Number(context.config.axis ?? -1);
  const rank = inputs[0].shape.length + 1;
  if (axis !== -1 && axis !== rank - 1) return merging("other")(context);
  const nodes = Int32Array.from(inputs.flatMap(({ labels }) => [...labels.nodes]));
  const to = context.station({ shape: [nodes.length], nodes });
  let start = 0;
  const links = inputs.map(({ station: from, labels }): Link => {
    const begin = start;
    start += labels.nodes.length;
    const index = Int32Array.from({ length: nodes.length }, (_, i) =>
      i >= begin && i < begin + labels.nodes.length ? i - begin : -1,
    );
    return { kind: "map", from, to, index, positions: 0 };
  });
  return { outputs: [to], links, axes: [], reads: false };
};

/** Closed, but with kernels that count: once a time step, convolutions at each position as well. */
export const closedKernels =
  (why: string): WiringRule =>
  (context) => {
    const wiring = opaque(why)(context);
    const { shape, station: from } = context.channels(0);
    const [to] = wiring.outputs;
    const outputPositions = sizeOf(context.outputShapes[0].slice(-3, -1));
    const links = context.weightShapes.flatMap(({ length: rank }, weight): Link[] => {
      if (rank < 2) return [];
      const positions = rank === 2 ? withoutChannels(shape) : shape[0] * outputPositions;
      return [{ kind: "sum", from, to, kernel: { weight, inAxis: -1, outAxis: -1 }, positions }];
    });
    return { ...wiring, links: [...wiring.links, ...links] };
  };

/** Recurrent layers: input features may go, their own units stay. */
export const recurrent: WiringRule = (context) => {
  const { station: from, shape } = context.channels(0);
  const states = context.inputs.slice(1);
  for (const state of states) context.units.close(state.labels.nodes, `is a state of ${context.layer.name}`);
  const axes = context.weightShapes.map((weightShape, w) =>
    weightShape.map((_, axis) => (w === 0 && axis === 0 ? from : undefined)),
  );
  const wiring = mixing(context, "a recurrent layer reads its own units", axes);
  const positions = withoutChannels(shape);
  const [to] = wiring.outputs;
  const kernels = [
    { weight: 0, inAxis: 0, outAxis: -1 },
    { weight: 1, inAxis: -1, outAxis: -1 },
  ];
  const links = kernels.map((kernel): Link => ({ kind: "sum", from, to, kernel, positions }));
  return { ...wiring, links: [...wiring.links, ...links], reads: true };
};

/** Embedding: makes units out of whole numbers. */
export const embedding: WiringRule = (context) => {
  const { station: from, labels } = context.channels(0);
  context.units.close(labels.nodes, `Embedding ${context.layer.name} reads whole numbers`);
  const channels = channelsOf(context.outputShapes[0]);
  const to = context.station({ shape: [channels], nodes: context.fresh(channels) });
  return {
    outputs: [to],
    links: [{ kind: "sum", from, to, positions: 0 }],
    axes: [[undefined, to]],
    reads: false,
  };
};
