import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { operationNetwork, type Stage } from "../../lib/models/index.js";

/** One instruction of a random model; numbers are taken modulo what there is to choose from. */
export interface Instruction {
  readonly kind: number;
  readonly first: number;
  readonly second: number;
  readonly size: number;
}

/** A random functional model: an input and up to `most` layers. */
export interface Recipe {
  readonly image: boolean;
  readonly instructions: readonly Instruction[];
}

export const recipes = (most: number): fc.Arbitrary<Recipe> =>
  fc.record({
    image: fc.boolean(),
    instructions: fc.array(fc.record({ kind: fc.nat(63), first: fc.nat(31), second: fc.nat(31), size: fc.nat(7) }), {
      minLength: 1,
      maxLength: most,
      // As many long models as short ones.
      size: "max",
    }),
  });

type Symbol = tf.SymbolicTensor;
type Maker = (a: Symbol, b: Symbol, size: number, name: string) => Symbol | undefined;

const apply = (layer: tf.layers.Layer, value: Symbol | Symbol[]): Symbol => layer.apply(value) as Symbol;
const activations = ["relu", "tanh", "linear", "sigmoid", "elu"] as const;
const same = (a: Symbol, b: Symbol): boolean => a.shape.join() === b.shape.join();
const merge =
  (make: (config: { name: string }) => tf.layers.Layer): Maker =>
  (a, b, _, name) =>
    same(a, b) && a !== b ? apply(make({ name }), [a, b]) : undefined;

const dense: Maker = (a, _, size, name) =>
  apply(tf.layers.dense({ name, units: 1 + size, activation: activations[size % 5], useBias: size % 3 > 0 }), a);
const widening: Maker = (a, _, size, name) =>
  apply(tf.layers.dense({ name, units: a.shape.at(-1)!, activation: activations[size % 5] }), a);

const forVectors: readonly Maker[] = [
  dense,
  dense,
  widening,
  widening,
  (a, _, size, name) => apply(tf.layers.activation({ name, activation: activations[size % 5] }), a),
  (a, _, size, name) => apply(tf.layers.batchNormalization({ name, scale: size > 0, center: size !== 1 }), a),
  (a, _, __, name) => apply(tf.layers.layerNormalization({ name }), a),
  (a, _, __, name) => apply(tf.layers.leakyReLU({ name }), a),
  (a, _, __, name) => apply(tf.layers.prelu({ name, alphaInitializer: tf.initializers.constant({ value: 0.2 }) }), a),
  merge(tf.layers.add),
  merge(tf.layers.add),
  merge(tf.layers.multiply),
  merge(tf.layers.maximum),
  merge(tf.layers.average),
  // TensorFlow.js frees a value that one layer reads twice.
  (a, b, _, name) =>
    a !== b && a.shape.slice(0, -1).join() === b.shape.slice(0, -1).join()
      ? apply(tf.layers.concatenate({ name }), [a, b])
      : undefined,
  // A layer that is called twice.
  (a, b, size, name) => {
    if (!same(a, b) || a === b) return undefined;
    const shared = tf.layers.dense({ name, units: 1 + size, activation: "tanh" });
    return apply(tf.layers.add({ name: `${name}_add` }), [apply(shared, a), apply(shared, b)]);
  },
];

const conv: Maker = (a, _, size, name) =>
  apply(
    tf.layers.conv2d({
      name,
      filters: 1 + (size % 4),
      kernelSize: 1 + (size % 3),
      strides: 1 + (size > 5 ? 1 : 0),
      padding: "same",
      activation: activations[size % 5],
      useBias: size % 2 > 0,
    }),
    a,
  );
const keepingConv: Maker = (a, _, size, name) =>
  apply(
    tf.layers.conv2d({ name, filters: a.shape[3]!, kernelSize: 3, padding: "same", activation: activations[size % 5] }),
    a,
  );

const forImages: readonly Maker[] = [
  conv,
  conv,
  keepingConv,
  keepingConv,
  (a, _, size, name) =>
    apply(tf.layers.depthwiseConv2d({ name, kernelSize: 2, padding: "same", depthMultiplier: 1 + (size % 2) }), a),
  (a, _, size, name) =>
    apply(
      tf.layers.separableConv2d({
        name,
        filters: 1 + (size % 3),
        kernelSize: 2,
        padding: "same",
        depthMultiplier: 1 + (size % 2),
      }),
      a,
    ),
  (a, _, size, name) =>
    apply(tf.layers.conv2dTranspose({ name, filters: 1 + (size % 3), kernelSize: 2, padding: "same" }), a),
  (a, _, __, name) => apply(tf.layers.maxPooling2d({ name, poolSize: 2, strides: 1, padding: "same" }), a),
  (a, _, size, name) =>
    apply(tf.layers.averagePooling2d({ name, poolSize: 2, strides: size > 5 ? 2 : 1, padding: "same" }), a),
  (a, _, __, name) => apply(tf.layers.globalAveragePooling2d({ name, dataFormat: "channelsLast" }), a),
  (a, _, __, name) => apply(tf.layers.flatten({ name }), a),
  // Squeeze and excite.
  (a, _, size, name) => {
    const channels = a.shape[3]!;
    const squeezed = apply(
      tf.layers.globalAveragePooling2d({ name: `${name}_squeeze`, dataFormat: "channelsLast" }),
      a,
    );
    const small = apply(
      tf.layers.dense({ name: `${name}_small`, units: 1 + (size % 2), activation: "relu" }),
      squeezed,
    );
    const scale = apply(tf.layers.dense({ name: `${name}_scale`, units: channels, activation: "sigmoid" }), small);
    const wide = apply(tf.layers.reshape({ name: `${name}_wide`, targetShape: [1, 1, channels] }), scale);
    return apply(tf.layers.multiply({ name }), [a, wide]);
  },
  (a, _, __, name) => apply(tf.layers.zeroPadding2d({ name, padding: 1 }), a),
  (a, b, _, name) => (same(a, b) && a !== b ? apply(tf.layers.concatenate({ name, axis: 1 }), [a, b]) : undefined),
];

/** Layers that take vectors and images alike. */
const forBoth: readonly Maker[] = forVectors.slice(4, 15);

/** Builds the model of a recipe; instructions that don't apply are left out. */
export function buildModel({ image, instructions }: Recipe): tf.LayersModel {
  const input = tf.input({ shape: image ? [4, 4, 2] : [5], name: "in" });
  const values: Symbol[] = [input];
  const read = new Set<Symbol>();
  instructions.forEach(({ kind, first, second, size }, i) => {
    const a = values[first % values.length];
    const b = values[second % values.length];
    const makers = a.shape.length === 4 ? [...forImages, ...forBoth] : forVectors;
    const sizeOf = (value: Symbol): number =>
      value.shape.slice(1).reduce((product: number, extent) => product * extent!, 1);
    if (Math.max(sizeOf(a), sizeOf(b)) > 300) return;
    const made = makers[kind % makers.length](a, b, size, `layer_${i}`);
    if (!made) return;
    read.add(a);
    read.add(b);
    values.push(made);
  });
  const leaves = values.filter((value) => !read.has(value) || values.length === 1);
  const flat = leaves.map((value, i) =>
    value.shape.length === 4 ? apply(tf.layers.flatten({ name: `flat_${i}` }), value) : value,
  );
  const joined = flat.length > 1 ? apply(tf.layers.concatenate({ name: "joined" }), flat) : flat[0];
  return tf.model({ inputs: input, outputs: apply(tf.layers.dense({ name: "out", units: 2 }), joined) });
}

/** Operations that keep the number of channels and the size, some with weights. */
const offered = [
  "identity",
  "conv1",
  "conv3",
  "depthwise3",
  "max3",
  "average3",
  "square",
  "tanh",
  "instance",
  "channels",
];

/** A random network of operations: which operations each stage offers, and which of the earlier stages it reads. */
export const cells: fc.Arbitrary<{ operations: string[]; reads: number[] }[]> = fc.array(
  fc.record({
    operations: fc.subarray(offered, { minLength: 1, maxLength: 4 }),
    reads: fc.uniqueArray(fc.nat(3), { minLength: 1, maxLength: 2 }),
  }),
  { minLength: 1, maxLength: 4, size: "max" },
);

/** Builds the network of {@link cells}. */
export function buildCell(
  recipe: readonly { readonly operations: string[]; readonly reads: number[] }[],
): tf.LayersModel {
  const stages: Stage[] = [{ name: "stem", operations: ["conv3"], filters: 2 }];
  recipe.forEach(({ operations, reads }, i) => {
    const from = [...new Set(reads.map((read) => stages[read % stages.length].name))];
    stages.push({ name: `stage_${i}`, operations, from });
  });
  return operationNetwork({ inputShape: [4, 4, 1], classes: 2, stages });
}
