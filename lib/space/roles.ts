import type * as tf from "@tensorflow/tfjs";
import {
  activationKeepsZero,
  activationName,
  batchNorm,
  channelwise,
  closedKernels,
  concatenate,
  convolution,
  dense,
  depthwise,
  elementwise,
  embedding,
  flatten,
  masking,
  merging,
  opaque,
  permute,
  recurrent,
  repeat,
  reshape,
  separable,
  softmax,
  transposedConvolution,
  type WiringRule,
} from "./wiring.js";

/** What a layer does to gates. */
export type LayerRole = "gated" | "passes" | "couples" | "closes";

/** One layer class: its role, why, and how it wires units. */
export interface LayerRule {
  readonly role: LayerRole;
  readonly reason: string;
  readonly wire: WiringRule;
  /** The configuration key that holds the number of output units, for layers that make units. */
  readonly sizeKey?: "units" | "filters" | "outputDim";
  /** The weights (by index) that may be gated one by one. */
  readonly gatedWeights?: readonly number[];
}

const passes = (reason: string, wire: WiringRule): LayerRule => ({ role: "passes", reason, wire });
const couples = (reason: string, wire: WiringRule): LayerRule => ({ role: "couples", reason, wire });
const closes = (reason: string, wire: WiringRule = opaque(reason)): LayerRule => ({ role: "closes", reason, wire });
const zeroAtZero = elementwise(true);
const notZeroAtZero = elementwise(false);

/** Models never reach the rules: their layers stand in the graph in their place. */
const opened: WiringRule = opaque("is a model");

const rules = new Map<string, LayerRule>(
  Object.entries<LayerRule>({
    InputLayer: { role: "gated", reason: "each element may have a gate (input)", wire: zeroAtZero },
    Dense: { role: "gated", reason: "units, weights", wire: dense, sizeKey: "units", gatedWeights: [0] },
    Conv1D: { role: "gated", reason: "channels, weights", wire: convolution, sizeKey: "filters", gatedWeights: [0] },
    Conv2D: { role: "gated", reason: "channels, weights", wire: convolution, sizeKey: "filters", gatedWeights: [0] },
    Conv3D: { role: "gated", reason: "channels, weights", wire: convolution, sizeKey: "filters", gatedWeights: [0] },
    Conv2DTranspose: {
      role: "gated",
      reason: "channels, weights",
      wire: transposedConvolution,
      sizeKey: "filters",
      gatedWeights: [0],
    },
    Conv3DTranspose: {
      role: "gated",
      reason: "channels, weights",
      wire: transposedConvolution,
      sizeKey: "filters",
      gatedWeights: [0],
    },
    SeparableConv2D: {
      role: "gated",
      reason: "channels, weights of both kernels",
      wire: separable,
      sizeKey: "filters",
      gatedWeights: [0, 1],
    },
    Embedding: { role: "gated", reason: "the features of the embedding", wire: embedding, sizeKey: "outputDim" },
    DepthwiseConv2D: {
      role: "couples",
      reason: "its output channels are its input channels; weights may have gates",
      wire: depthwise,
      gatedWeights: [0],
    },
    BatchNormalization: couples("its parameters go with the channels it normalises", batchNorm),
    PReLU: couples("its slopes go with the channels", elementwise(true)),
    Add: couples("its inputs' units agree, position by position", merging("add")),
    OperationSum: couples("its operations may each have a gate", merging("add")),
    Subtract: couples("its inputs' units agree, position by position", merging("other")),
    Average: couples("its inputs' units agree, position by position", merging("other")),
    Maximum: couples("its inputs' units agree, position by position", merging("other")),
    Minimum: couples("its inputs' units agree, position by position", merging("other")),
    Multiply: couples("its inputs' units agree, position by position", merging("multiply")),
    Concatenate: couples("units stand side by side; along other axes they agree", concatenate),
    Activation: passes(
      "value by value (softmax closes: it normalises over units)",
      elementwise((config) => activationKeepsZero(activationName(config))),
    ),
    ReLU: passes("value by value", zeroAtZero),
    LeakyReLU: passes("value by value", zeroAtZero),
    ELU: passes("value by value", zeroAtZero),
    ThresholdedReLU: passes("value by value", zeroAtZero),
    Dropout: passes("value by value", zeroAtZero),
    SpatialDropout1D: passes("channel by channel", zeroAtZero),
    GaussianDropout: passes("value by value", zeroAtZero),
    GaussianNoise: passes("value by value", notZeroAtZero),
    AlphaDropout: passes("value by value", notZeroAtZero),
    Rescaling: passes(
      "value by value",
      elementwise((config) => (config.offset ?? 0) === 0),
    ),
    Flatten: passes("every position of a channel is that channel", flatten),
    Reshape: passes("flattens, or keeps the last axis; else closes", reshape),
    Permute: passes("keeps the last axis; else closes", permute),
    RepeatVector: passes("feature by feature", repeat),
    Cropping2D: passes("channel by channel", channelwise()),
    ZeroPadding2D: passes("channel by channel", channelwise()),
    UpSampling2D: passes("channel by channel", channelwise()),
    CenterCrop: passes("channel by channel", channelwise()),
    Resizing: closes("has a wrong output shape in TensorFlow.js"),
    RandomWidth: closes("draws its output's width"),
    AveragePooling1D: passes("channel by channel", channelwise()),
    AveragePooling2D: passes("channel by channel", channelwise()),
    AveragePooling3D: passes("channel by channel", channelwise()),
    MaxPooling1D: passes("channel by channel", channelwise()),
    MaxPooling2D: passes("channel by channel", channelwise()),
    MaxPooling3D: passes("channel by channel", channelwise()),
    GlobalAveragePooling1D: passes("channel by channel", channelwise()),
    GlobalAveragePooling2D: passes("channel by channel", channelwise()),
    GlobalMaxPooling1D: passes("channel by channel", channelwise()),
    GlobalMaxPooling2D: passes("channel by channel", channelwise()),
    Softmax: closes("normalises over its units", softmax),
    LayerNormalization: closes("normalises over its units"),
    Dot: closes("sums over products of units"),
    Masking: closes("compares all features of a time step", masking),
    CategoryEncoding: closes("reads whole numbers"),
    SimpleRNN: closes("its units read one another; its inputs may go", recurrent),
    GRU: closes("its units read one another; its inputs may go", recurrent),
    LSTM: closes("its units read one another; its inputs may go", recurrent),
    RNN: closes("its cells read one another", closedKernels("its cells read one another")),
    ConvLSTM2D: closes("its channels read one another", closedKernels("its channels read one another")),
    SimpleRNNCell: closes("is part of a recurrent layer"),
    GRUCell: closes("is part of a recurrent layer"),
    LSTMCell: closes("is part of a recurrent layer"),
    ConvLSTM2DCell: closes("is part of a recurrent layer"),
    StackedRNNCells: closes("is part of a recurrent layer"),
    Bidirectional: closes("its layer's units read one another", closedKernels("its layer's units read one another")),
    Select: closes("was made by compaction: its inputs are fixed"),
    Mask: closes("was made by compaction: its inputs are fixed"),
    Sequential: passes("is opened: its layers are followed", opened),
    Functional: passes("is opened: its layers are followed", opened),
    Model: passes("is opened: its layers are followed", opened),
    TimeDistributed: closes("its inner layer isn't followed", closedKernels("its inner layer isn't followed")),
  }),
);

const unknown: LayerRule = closes("is a layer class that has no rule: its inputs and outputs stay whole");

/** What a custom layer may tell of itself instead of a rule, as this library's own fixed layers do. */
interface SelfDescribed {
  /** Whether each output channel depends on its own input channel only. */
  readonly channels: "apart" | "mixed";
  /** Whether zeros come out when zeros go in. */
  readonly keepsZero: boolean;
}

const describesItself = (layer: object): layer is SelfDescribed => "channels" in layer && "keepsZero" in layer;

/** The rule of a layer's class; custom layers without one stay ungated, unless they describe themselves. */
export function layerRule(layer: tf.layers.Layer): LayerRule {
  const known = rules.get(layer.getClassName());
  if (known) return known;
  if (!describesItself(layer)) return unknown;
  return layer.channels === "apart"
    ? passes("says that it works channel by channel", channelwise(layer.keepsZero))
    : closes("says that it mixes channels", opaque("says that it mixes channels", layer.keepsZero));
}

/**
 * Teaches search spaces one's own layer class.
 *
 * @param className - the layer's `static className`
 * @param rule - its role, the reason that summaries print, and how it wires units (`wirings` holds the usual ways)
 * @example
 * ```ts
 * defineLayer("Swish", { role: "passes", reason: "value by value", wire: wirings.elementwise() });
 * ```
 */
export function defineLayer(className: string, rule: LayerRule): void {
  rules.set(className, rule);
}

/** The usual ways in which a layer wires units, for {@link defineLayer}. */
export const wirings: {
  readonly elementwise: typeof elementwise;
  readonly channelwise: typeof channelwise;
  readonly merging: typeof merging;
  readonly opaque: typeof opaque;
} = { elementwise, channelwise, merging, opaque };

/** One row of the table of layer classes. */
export interface LayerRow {
  readonly className: string;
  readonly role: LayerRole;
  readonly reason: string;
}

/** Every layer class that search spaces know: what it does to gates, and why. */
export function layerTable(): LayerRow[] {
  return [...rules].map(([className, { role, reason }]) => ({ className, role, reason }));
}
