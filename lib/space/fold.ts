import * as tf from "@tensorflow/tfjs";
import { sameClass } from "./compact.js";
import { type GraphCall, traceModel } from "./graph.js";
import { activationName } from "./wiring.js";

/** Layers whose output a scale and a shift for each channel can be moved into: where their kernel has its output channels. */
const foldable: ReadonlyMap<string, { kernel: number; axes: "last" | "last two" | "last but one" }> = new Map([
  ["Dense", { kernel: 0, axes: "last" }],
  ["Conv1D", { kernel: 0, axes: "last" }],
  ["Conv2D", { kernel: 0, axes: "last" }],
  ["Conv3D", { kernel: 0, axes: "last" }],
  ["SeparableConv2D", { kernel: 1, axes: "last" }],
  ["DepthwiseConv2D", { kernel: 0, axes: "last two" }],
  ["Conv2DTranspose", { kernel: 0, axes: "last but one" }],
]);

/**
 * The same network for inference, without batch normalisation: each is moved into the layer before it, as
 * `W' = W s`, `b' = (b - mean) s + beta`, `s = gamma / sqrt(variance + epsilon)`.
 *
 * Only normalisations of the last axis right behind a layer with a kernel and no activation are moved; others stay.
 * The result isn't for training: its normalisation no longer follows the batch.
 *
 * @param model - any LayersModel; it isn't changed
 * @returns a new model with weights of its own
 * @example
 * ```ts
 * const fast = foldBatchNorm(architecture.compact(weights));
 * ```
 */
export function foldBatchNorm(model: tf.LayersModel): tf.LayersModel {
  const graph = traceModel(model);
  const calls = new Map<tf.layers.Layer, number>();
  const readers = new Map<number, number>();
  const maker = new Map<number, GraphCall>();
  for (const call of graph.calls) {
    calls.set(call.layer, (calls.get(call.layer) ?? 0) + 1);
    for (const value of call.inputs) readers.set(value, (readers.get(value) ?? 0) + 1);
    for (const value of call.outputs) maker.set(value, call);
  }
  /** For each layer that takes up a normalisation, that normalisation's call. */
  const folded = new Map<GraphCall, GraphCall>();
  for (const norm of graph.calls) {
    if (norm.layer.getClassName() !== "BatchNormalization" || calls.get(norm.layer) !== 1) continue;
    const [value] = norm.inputs;
    const before = maker.get(value);
    if (!before || readers.get(value) !== 1 || graph.outputs.includes(value) || calls.get(before.layer) !== 1) continue;
    const axis = Number(norm.layer.getConfig().axis ?? -1);
    const last = axis === -1 || axis === graph.values[value].shape.length;
    const linear = activationName(before.layer.getConfig()) === "linear";
    if (last && linear && foldable.has(before.layer.getClassName())) folded.set(before, norm);
  }
  const taken = new Set(folded.values());
  const inputs = graph.inputs.map((value, i) =>
    tf.input({ shape: [...graph.values[value].shape], name: graph.inputNames[i], dtype: model.inputs[i].dtype }),
  );
  const built = new Map<number, tf.SymbolicTensor>(graph.inputs.map((value, i) => [value, inputs[i]]));
  const layers = new Map<tf.layers.Layer, tf.layers.Layer>();
  for (const call of graph.calls) {
    const read = call.inputs.map((value) => built.get(value)!);
    if (taken.has(call)) {
      built.set(call.outputs[0], read[0]);
      continue;
    }
    const norm = folded.get(call);
    const known = layers.get(call.layer);
    const layer = known ?? rebuild(call, norm !== undefined);
    layers.set(call.layer, layer);
    const out = layer.apply(read.length === 1 ? read[0] : read);
    const made = (Array.isArray(out) ? out : [out]) as tf.SymbolicTensor[];
    call.outputs.forEach((value, o) => built.set(value, made[o]));
    if (known || layer.weights.length === 0) continue;
    tf.tidy(() => layer.setWeights(norm ? foldedWeights(call.layer, norm.layer) : call.layer.getWeights()));
  }
  return tf.model({ inputs, outputs: graph.outputs.map((value) => built.get(value)!), name: model.name });
}

function rebuild({ layer, path }: GraphCall, withBias: boolean): tf.layers.Layer {
  const { depthMultiplier } = layer as unknown as { depthMultiplier?: number };
  const config: tf.serialization.ConfigDict = { ...layer.getConfig(), name: path.replaceAll("/", "_") };
  delete config.batchInputShape;
  if (depthMultiplier !== undefined) config.depthMultiplier = depthMultiplier;
  if (withBias) config.useBias = true;
  return sameClass(layer, config);
}

function foldedWeights(layer: tf.layers.Layer, norm: tf.layers.Layer): tf.Tensor[] {
  const { scale: scales, center, epsilon } = norm.getConfig() as { scale: boolean; center: boolean; epsilon: number };
  const statistics = norm.getWeights();
  const gamma = scales ? statistics.shift()! : tf.scalar(1);
  const beta = center ? statistics.shift()! : tf.scalar(0);
  const [mean, variance] = statistics;
  const factor = tf.mul(gamma, tf.rsqrt(tf.add(variance, epsilon)));
  const { kernel, axes } = foldable.get(layer.getClassName())!;
  const weights = layer.getWeights();
  const kernels = weights.slice(0, kernel + 1);
  const bias = weights[kernel + 1] ?? tf.scalar(0);
  const { shape } = kernels[kernel];
  const wide = {
    last: factor,
    "last two": axes === "last two" ? tf.reshape(factor, shape.slice(-2)) : factor,
    "last but one": tf.reshape(factor, [-1, 1]),
  }[axes];
  kernels[kernel] = tf.mul(kernels[kernel], wide);
  return [...kernels, tf.add(tf.mul(tf.sub(bias, mean), factor), beta)];
}
