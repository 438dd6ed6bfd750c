import * as tf from "@tensorflow/tfjs";
import { TwotempError } from "../errors.js";
import type { WiredCall } from "./anatomy.js";
import { KeepZeros } from "./layers/keep-zeros.js";
import { Mask } from "./layers/mask.js";
import { Select } from "./layers/select.js";
import type { Liveness } from "./liveness.js";
import { layerRule } from "./roles.js";
import type { SearchSpace } from "./space.js";

/**
 * The sub-network that is left, as a plain model: layers of the same classes and names with fewer units, without those
 * that no output needs. Inputs keep their shapes; a `Select` layer takes the inputs that are left, a `Mask` layer closes
 * those in front of a convolution.
 *
 * @param weights - one array a weight of the plan, in the full model's shapes
 */
export function compact(space: SearchSpace, liveness: Liveness, weights: readonly Float32Array[]): tf.LayersModel {
  const { plan, gating } = space;
  const { anatomy } = gating;
  const { graph, stations, stationOf } = anatomy;
  requireWeights(space, weights);
  const built = new Map<number, tf.SymbolicTensor>();
  const layers = new Map<tf.layers.Layer, tf.layers.Layer>();
  const outputs = new Set(graph.outputs);

  /** Takes the units that are left out of a value that has them all. */
  const shrink = (value: number, symbol: tf.SymbolicTensor, name: string): tf.SymbolicTensor => {
    const { labels } = stations[stationOf[value]];
    const alive = liveness.aliveUnits(value);
    if (labels.shape.length !== 1 || symbol.shape.at(-1) === alive.length) return symbol;
    return new Select({ name: `${name}_kept`, indices: [...alive] }).apply(symbol) as tf.SymbolicTensor;
  };

  const inputs = graph.inputs.map((value, i) => {
    const name = graph.inputNames[i];
    const input = tf.input({ shape: [...graph.values[value].shape], name, dtype: space.model.inputs[i].dtype });
    built.set(value, shrink(value, input, name));
    return input;
  });

  for (const [c, call] of anatomy.calls.entries()) {
    if (!liveness.isNeeded(call)) continue;
    const operands = liveness.operandsOf(call);
    const read = call.inputs.flatMap((value, k) => {
      if (!operands[k]) return [];
      const symbol = built.get(value)!;
      const gates = plan.calls[c].inputGates[k];
      const closed = gates && gates.shape.length > 1 && gates.gateOf.some((gate) => gate >= 0 && !liveness.mask[gate]);
      if (!closed) return [symbol];
      const open = [...gates.gateOf].map((gate) => (gate < 0 || liveness.mask[gate] ? 1 : 0));
      const mask = new Mask({ name: `${layerName(call)}_mask_${c}_${k}`, shape: gates.shape, open });
      return [mask.apply(symbol) as tf.SymbolicTensor];
    });
    let made: tf.SymbolicTensor[];
    if (read.length === 1 && call.inputs.length > 1 && !needsItsLayer(call)) {
      // A merge with one operand left is that operand.
      const [symbol] = read;
      const isOutput = outputs.has(call.outputs[0]);
      made = [
        isOutput
          ? (tf.layers.activation({ activation: "linear", name: layerName(call) }).apply(symbol) as tf.SymbolicTensor)
          : symbol,
      ];
    } else {
      let layer = layers.get(call.layer);
      const fresh = layer === undefined;
      layer ??= smallerLayer(space, liveness, call);
      const out = layer.apply(read.length === 1 && call.inputs.length === 1 ? read[0] : read);
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

const layerName = (call: WiredCall): string => call.path.replaceAll("/", "_");

/** Sums of operations are divided by the number of their operands' root, which is 1 for one operand. */
const needsItsLayer = (call: WiredCall): boolean => layerRule(call.layer.getClassName()).role !== "couples";

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

function smallerLayer(space: SearchSpace, liveness: Liveness, call: WiredCall): tf.layers.Layer {
  const { anatomy } = space.gating;
  const config: tf.serialization.ConfigDict = { ...call.layer.getConfig(), name: layerName(call) };
  delete config.batchInputShape;
  const rule = layerRule(call.layer.getClassName());
  const [output] = call.outputs;
  const units = liveness.aliveUnits(output).length;
  if (rule.sizeKey) config[rule.sizeKey] = units;
  if (call.layer.getClassName() === "Reshape") {
    const target = [...anatomy.graph.values[output].shape];
    const { labels } = anatomy.stations[anatomy.stationOf[output]];
    if (labels.shape.length === 1) target[target.length - 1] = (target.at(-1)! / labels.nodes.length) * units;
    config.targetShape = target;
  }
  const constructor = call.layer.constructor as unknown as LayerClass;
  return constructor.fromConfig(constructor, config);
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
    const { shape, name } = plan.weights[w];
    const kept = call.axes[index].map((axis, a) =>
      axis ? liveness.aliveOf(axis.station) : Int32Array.from({ length: shape[a] }, (_, i) => i),
    );
    const keep = liveness.keep(w);
    const entries = entriesAt(shape, kept);
    const values = Float32Array.from(entries, (entry) => (keep[entry] ? weights[w][entry] : 0));
    const statistic = /\/moving_variance$/.test(name);
    if (statistic) entries.forEach((entry, i) => (values[i] = weights[w][entry]));
    const smaller = kept.map(({ length }) => length);
    if (plan.weights[w].trainable && entries.some((entry) => !keep[entry])) {
      constrain(
        layer,
        index,
        entries.map((entry) => keep[entry]),
        smaller,
      );
    }
    return tf.tensor(values, smaller, "float32");
  });
  layer.setWeights(tensors);
  tf.dispose(tensors);
}

/** Row-major positions of the entries whose index along every axis is kept. */
function entriesAt(shape: readonly number[], kept: readonly Int32Array[]): Int32Array {
  let entries = [0];
  for (const [axis, positions] of kept.entries()) {
    entries = entries.flatMap((entry) => Array.from(positions, (position) => entry * shape[axis] + position));
  }
  return Int32Array.from(entries);
}

/** Entries that a weight mask closed stay zero in training. */
function constrain(layer: tf.layers.Layer, index: number, keep: Int32Array, shape: readonly number[]): void {
  const variable = layer.weights[index] as unknown as { constraint: unknown };
  const constraint = new KeepZeros({ keep: [...keep], shape });
  variable.constraint = constraint;
  const short = layer.weights[index].name.split("/").at(-1)!.replace(/_\d+$/, "");
  const key = short.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
  const property =
    key === "depthwiseKernel"
      ? "depthwiseConstraint"
      : key === "pointwiseKernel"
        ? "pointwiseConstraint"
        : `${key}Constraint`;
  (layer as unknown as Record<string, unknown>)[property] = constraint;
}
