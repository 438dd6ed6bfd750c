import * as tf from "@tensorflow/tfjs";
import { TwotempError } from "../errors.js";
import type { WiredCall } from "./anatomy.js";
import { Mask } from "./layers/mask.js";
import { Select } from "./layers/select.js";
import type { Liveness } from "./liveness.js";
import { layerRule } from "./roles.js";
import { makeSparse } from "./sparseLayer.js";
import type { SearchSpace } from "./space.js";

/** How {@link Architecture.compact} lays the smaller model out. */
export interface CompactOptions {
  /**
   * "whole" (default): the model takes the same inputs as the full one, and takes out of them what it needs. "kept": it
   * takes vectors of the inputs that are left, and needs no layer of this library.
   */
  readonly inputs?: "whole" | "kept";
}

/**
 * The sub-network that is left, as a plain model: layers of the same classes and names with fewer units, without those
 * that no output needs. Inputs keep their shapes; a `Select` layer takes the inputs that are left, a `Mask` layer closes
 * those in front of a convolution.
 *
 * Closed weights of kernels that are left are zeros; they stay so when this model is trained, but not when it has been
 * saved and loaded again, as no plain layer can say so.
 *
 * @param weights - one array a weight of the plan, in the full model's shapes
 */
export function compact(
  space: SearchSpace,
  liveness: Liveness,
  weights: readonly Float32Array[],
  { inputs: inputChoice = "whole" }: CompactOptions = {},
): tf.LayersModel {
  if (inputChoice !== "whole" && inputChoice !== "kept") {
    throw new TwotempError("space/compact", `inputs must be whole or kept, got ${JSON.stringify(inputChoice)}`);
  }
  const { plan, gating } = space;
  const { anatomy } = gating;
  const { graph, stations, stationOf } = anatomy;
  requireWeights(space, weights);
  const built = new Map<number, tf.SymbolicTensor>();
  const layers = new Map<tf.layers.Layer, tf.layers.Layer>();
  const outputs = new Set(graph.outputs);
  /** Inputs with closed elements, in front of layers that read them all. */
  const masked = new Map<number, tf.SymbolicTensor>();

  /** Takes the units that are left out of a value that has them all. */
  const shrink = (value: number, symbol: tf.SymbolicTensor, name: string): tf.SymbolicTensor => {
    const { labels } = stations[stationOf[value]];
    const alive = liveness.aliveUnits(value);
    if (labels.shape.length !== 1 || symbol.shape.at(-1) === alive.length) return symbol;
    return new Select({ name: `${name}_kept`, indices: [...alive] }).apply(symbol) as tf.SymbolicTensor;
  };

  const given = new Set<WiredCall>();
  const inputs = graph.inputs.map((value, i) => {
    const name = graph.inputNames[i];
    const { dtype } = space.model.inputs[i];
    if (inputChoice === "kept") {
      const selected = liveness.selectedInput(value);
      if (selected) {
        const input = tf.input({ shape: [liveness.aliveUnits(selected.value).length], name, dtype });
        built.set(selected.value, input);
        selected.through.forEach((call) => given.add(call));
        return input;
      }
    }
    const input = tf.input({ shape: [...graph.values[value].shape], name, dtype });
    built.set(value, shrink(value, input, name));
    return input;
  });

  for (const [c, call] of anatomy.calls.entries()) {
    if (!liveness.isNeeded(call) || given.has(call)) continue;
    const operands = liveness.operandsOf(call);
    const read = call.inputs.flatMap((value, k) => {
      if (!operands[k]) return [];
      const symbol = built.get(value)!;
      const gates = plan.calls[c].inputGates[k];
      if (!gates || !liveness.isMasked(c, k)) return [symbol];
      const known = masked.get(value);
      if (known) return [known];
      const open = [...gates.gateOf].map((gate) => (gate < 0 || liveness.mask[gate] ? 1 : 0));
      const made = new Mask({ name: `${layerName(call)}_mask_${k}`, shape: gates.shape, open }).apply(symbol);
      masked.set(value, made as tf.SymbolicTensor);
      return [made as tf.SymbolicTensor];
    });
    let made: tf.SymbolicTensor[];
    if (liveness.aliasOf(call) !== undefined) {
      // A merge with one operand left is that operand; outputs keep their name.
      const linear = tf.layers.activation({ activation: "linear", name: layerName(call) });
      made = [outputs.has(call.outputs[0]) ? (linear.apply(read[0]) as tf.SymbolicTensor) : read[0]];
    } else {
      let layer = layers.get(call.layer);
      const fresh = layer === undefined;
      layer ??= smallerLayer(space, liveness, call);
      const out = layer.apply(
        read.length === 1 && call.inputs.length === 1 ? read[0] : distinct(read, layerName(call)),
      );
      made = Array.isArray(out) ? (out as tf.SymbolicTensor[]) : [out as tf.SymbolicTensor];
      if (fresh) {
        layers.set(call.layer, layer);
        setWeights(space, liveness, c, layer, weights);
      }
    }
    call.outputs.forEach((value, o) => built.set(value, shrink(value, made[o], layerName(call))));
  }
  const ends = graph.outputs.map((value) => built.get(value)!);
  return tf.model({ inputs, outputs: ends, name: space.model.name });
}

/** TensorFlow.js frees a value that one layer reads twice too early: it reads copies. */
function distinct(read: readonly tf.SymbolicTensor[], name: string): tf.SymbolicTensor[] {
  return read.map((symbol, i) => {
    if (read.indexOf(symbol) === i) return symbol;
    const indices = Array.from({ length: symbol.shape.at(-1)! }, (_, j) => j);
    return new Select({ name: `${name}_copy_${i}`, indices }).apply(symbol) as tf.SymbolicTensor;
  });
}

/** What compaction calls the layer of a call. */
export const layerName = (call: WiredCall): string => call.path.replaceAll("/", "_");

function requireWeights({ plan }: SearchSpace, weights: readonly Float32Array[]): void {
  if (weights.length !== plan.weights.length) {
    throw new TwotempError("space/weights", `there are ${weights.length} weights, the plan has ${plan.weights.length}`);
  }
  plan.weights.forEach(({ name, shape }, w) => {
    const size = shape.reduce((product, extent) => product * extent, 1);
    if (weights[w].length !== size) {
      throw new TwotempError("space/weights", `${name} needs ${size} values, got ${weights[w].length}`);
    }
  });
}

/** The class of a layer, as TensorFlow.js builds it from a configuration. */
type LayerClass = tf.serialization.SerializableConstructor<tf.layers.Layer> & {
  fromConfig(cls: unknown, config: tf.serialization.ConfigDict): tf.layers.Layer;
};

/** A layer of the class of another. */
export function sameClass(layer: tf.layers.Layer, config: tf.serialization.ConfigDict): tf.layers.Layer {
  const constructor = layer.constructor as unknown as LayerClass;
  return constructor.fromConfig(constructor, config);
}

function smallerLayer(space: SearchSpace, liveness: Liveness, call: WiredCall): tf.layers.Layer {
  const { anatomy } = space.gating;
  const config: tf.serialization.ConfigDict = { ...call.layer.getConfig(), name: layerName(call) };
  delete config.batchInputShape;
  const rule = layerRule(call.layer);
  const [output] = call.outputs;
  const units = liveness.aliveUnits(output).length;
  if (rule.sizeKey) config[rule.sizeKey] = units;
  if (call.layer.getClassName() === "OperationSum") config.terms = liveness.terms(call);
  if (call.layer.getClassName() === "Reshape") {
    const target = [...anatomy.graph.values[output].shape];
    const { labels } = anatomy.stations[anatomy.stationOf[output]];
    if (labels.shape.length === 1) target[target.length - 1] = (target.at(-1)! / labels.nodes.length) * units;
    config.targetShape = target;
  }
  const { depthMultiplier } = call.layer as unknown as { depthMultiplier?: number };
  if (depthMultiplier === undefined) return sameClass(call.layer, config);
  // SeparableConv2D leaves this out of its configuration, and so would a saved model.
  const layer = sameClass(call.layer, { ...config, depthMultiplier });
  const described = layer.getConfig.bind(layer);
  layer.getConfig = () => ({ ...described(), depthMultiplier });
  return layer;
}

/** The entries of a call's weight that the smaller layer has, and how they are laid out there. */
function entriesOf(
  space: SearchSpace,
  liveness: Liveness,
  call: WiredCall,
  index: number,
): { entries: Int32Array; shape: number[] } {
  const { shape } = space.plan.weights[call.weights[index]];
  const kept = call.axes[index].map((axis, a) =>
    axis ? liveness.aliveOf(axis.station) : Int32Array.from({ length: shape[a] }, (_, i) => i),
  );
  return { entries: entriesAt(shape, kept), shape: kept.map(({ length }) => length) };
}

/** See {@link Architecture.origins}. */
export function origins(
  space: SearchSpace,
  liveness: Liveness,
): Map<string, { readonly weight: number; readonly entries: Int32Array }> {
  const found = new Map<string, { weight: number; entries: Int32Array }>();
  for (const call of space.gating.anatomy.calls) {
    if (!liveness.isNeeded(call) || liveness.aliasOf(call) !== undefined) continue;
    call.weights.forEach((weight, index) => {
      const short = space.plan.weights[weight].name.slice(call.path.length + 1);
      const name = `${layerName(call)}/${short}`;
      if (!found.has(name)) found.set(name, { weight, entries: entriesOf(space, liveness, call, index).entries });
    });
  }
  return found;
}

/** Gives a smaller layer what is left of the weights. */
function setWeights(
  space: SearchSpace,
  liveness: Liveness,
  c: number,
  layer: tf.layers.Layer,
  weights: readonly Float32Array[],
): void {
  const { plan, gating } = space;
  const call = gating.anatomy.calls[c];
  const tensors = call.weights.map((w, index) => {
    const { name, trainable } = plan.weights[w];
    const { entries, shape } = entriesOf(space, liveness, call, index);
    const keep = liveness.keep(w);
    // A variance of zero would be another function, also where nothing comes in.
    const all = /\/moving_variance$/.test(name);
    const values = Float32Array.from(entries, (entry) => (keep[entry] || all ? weights[w][entry] : 0));
    const kept = entries.map((entry) => keep[entry]);
    if (trainable && kept.includes(0)) holdZeros(layer, index, kept, shape);
    return tf.tensor(values, shape, "float32");
  });
  layer.setWeights(tensors);
  tf.dispose(tensors);
}

/** Row-major positions of the entries whose index along every axis is kept. */
function entriesAt(shape: readonly number[], kept: readonly Int32Array[]): Int32Array {
  let entries = Int32Array.of(0);
  for (const [axis, positions] of kept.entries()) {
    const longer = new Int32Array(entries.length * positions.length);
    let next = 0;
    for (const entry of entries) for (const position of positions) longer[next++] = entry * shape[axis] + position;
    entries = longer;
  }
  return entries;
}

/**
 * Keeps the entries that a weight mask closed at zero while the model is trained. TensorFlow.js applies no constraints
 * in training, so the layer computes with the product of weight and mask, which lets no gradient through to them.
 */
function holdZeros(layer: tf.layers.Layer, index: number, keep: Int32Array, shape: readonly number[]): void {
  const variable = layer.weights[index] as unknown as { val: tf.Tensor };
  const mask = tf.keep(tf.tensor(Float32Array.from(keep), [...shape]));
  const call = layer.call.bind(layer);
  layer.call = (inputs, options) =>
    tf.tidy(() => {
      const own = variable.val;
      try {
        variable.val = tf.mul(own, mask);
        return call(inputs, options);
      } finally {
        variable.val = own;
      }
    });
  const sparse = index === 0 ? makeSparse(layer, keep, false) : undefined;
  const dispose = layer.dispose.bind(layer);
  layer.dispose = () => {
    sparse?.dispose();
    if (!mask.isDisposed) mask.dispose();
    return dispose();
  };
}
