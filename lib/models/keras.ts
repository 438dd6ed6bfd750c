import { closeSync, openSync, readSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { TwotempError } from "../errors.js";
import { type KerasFile, readKerasFile } from "./kerasFile.js";

/** The part of h5wasm that is used here. */
interface Hdf5 {
  readonly ready: Promise<unknown>;
  readonly File: new (path: string, mode: "r" | "w") => Hdf5Group & { close(): void };
}
interface Hdf5Group {
  readonly attrs: Readonly<Record<string, { readonly value: unknown } | undefined>>;
  get(path: string): unknown;
  create_group(name: string): Hdf5Group;
  create_attribute(name: string, data: string | string[]): void;
  create_dataset(options: { name: string; data: Float32Array; shape: number[] }): unknown;
}
async function hdf5(): Promise<Hdf5> {
  // Not a literal: the package's own types need a DOM.
  const name: string = "h5wasm/node";
  try {
    const library = (await import(name)) as Hdf5;
    await library.ready;
    return library;
  } catch (error) {
    throw new TwotempError("models/keras", "Keras files need the package h5wasm: npm install h5wasm", { cause: error });
  }
}

/** Layer classes that Keras and TensorFlow.js share. */
const shared: ReadonlySet<string> = new Set([
  ..."InputLayer Dense Activation ReLU LeakyReLU PReLU ELU Softmax Dropout SpatialDropout1D".split(" "),
  ..."GaussianNoise GaussianDropout AlphaDropout Flatten Reshape Permute RepeatVector Embedding".split(" "),
  ..."Conv1D Conv2D Conv3D Conv2DTranspose Conv3DTranspose DepthwiseConv2D SeparableConv2D".split(" "),
  ..."Cropping2D ZeroPadding2D UpSampling2D Rescaling BatchNormalization LayerNormalization".split(" "),
  ..."MaxPooling1D MaxPooling2D MaxPooling3D AveragePooling1D AveragePooling2D AveragePooling3D".split(" "),
  ..."GlobalAveragePooling1D GlobalAveragePooling2D GlobalMaxPooling1D GlobalMaxPooling2D".split(" "),
  ..."Add Subtract Multiply Average Maximum Minimum Concatenate Dot SimpleRNN LSTM Sequential Functional Model".split(
    " ",
  ),
]);

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type JsonObject = { [key: string]: Json };

/**
 * Saves a model as a Keras HDF5 file (`.h5`), which `keras.models.load_model` opens in Python (Keras 2 and 3).
 *
 * @param path - where to write; the file appears whole or not at all
 * @throws TwotempError `models/keras` if a layer is of a class that Keras doesn't have, or the path isn't that of an `.h5` file in
 * a folder that exists
 * @example
 * ```ts
 * await saveKeras(architecture.compact(weights), "small.h5"); // Python: keras.models.load_model("small.h5")
 * ```
 */
export async function saveKeras(model: tf.LayersModel, path: string): Promise<void> {
  if (!/\.(h5|hdf5)$/i.test(path)) {
    throw new TwotempError(
      "models/keras",
      `${path} must end in .h5 or .hdf5: Keras reads other files as another format`,
    );
  }
  if (!statSync(dirname(path), { throwIfNoEntry: false })?.isDirectory()) {
    throw new TwotempError("models/keras", `${path} can't be written: there is no folder ${dirname(path)}`);
  }
  const strange = everyLayer(model).find((layer) => !shared.has(layer.getClassName()));
  if (strange) {
    throw new TwotempError(
      "models/keras",
      `layer ${strange.name} is a ${strange.getClassName()}, which Keras doesn't have; an input's Select goes with compact(weights, { inputs: "kept" })`,
    );
  }
  const { File } = await hdf5();
  const partial = `${path}.part`;
  const file = new File(partial, "w");
  try {
    const config = model.toJSON(undefined, false) as unknown as JsonObject;
    refuseHardSigmoid(config);
    file.create_attribute(
      "model_config",
      JSON.stringify(toKeras(config, new Map(everyLayer(model).map((layer) => [layer.name, layer])))),
    );
    file.create_attribute("keras_version", "3.0.0");
    file.create_attribute("backend", "tensorflow");
    const weights = file.create_group("model_weights");
    weights.create_attribute("keras_version", "3.0.0");
    weights.create_attribute("backend", "tensorflow");
    weights.create_attribute(
      "layer_names",
      model.layers.map(({ name }) => name),
    );
    for (const layer of model.layers) {
      const group = weights.create_group(layer.name);
      const values = layer.getWeights();
      if (values.length === 0) continue;
      const names = values.map((_, w) => `weight_${w}`);
      group.create_attribute("weight_names", names);
      values.forEach((value, w) =>
        group.create_dataset({ name: names[w], data: value.dataSync<"float32">() as Float32Array, shape: value.shape }),
      );
    }
  } catch (error) {
    file.close();
    rmSync(partial, { force: true });
    throw error;
  }
  file.close();
  renameSync(partial, path);
}

/**
 * Loads a model that Python's Keras saved as an HDF5 file: `model.save("model.h5")`, Keras 2 or 3.
 *
 * @throws TwotempError `models/keras` if the file is missing, isn't a Keras model, or has layers that TensorFlow.js lacks
 * @example
 * ```ts
 * const space = searchSpace(await loadKeras("model.h5"), { gates: "unit" });
 * ```
 */
export async function loadKeras(path: string): Promise<tf.LayersModel> {
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) {
    throw new TwotempError("models/keras", `there is no file ${path}`);
  }
  if (!isHdf5(path)) {
    throw new TwotempError("models/keras", `${path} isn't an HDF5 file: save it in Python as model.save("model.h5")`);
  }
  return kerasModel(await readKerasFile(path), path);
}

/** Builds the model that a file describes, with the file's weights; whatever stands in its way is a typed error. */
export async function kerasModel(file: KerasFile, path: string): Promise<tf.LayersModel> {
  try {
    return await built(file, path);
  } catch (error) {
    if (error instanceof TwotempError) throw error;
    const reason = (error as Error).message.split("\n")[0];
    throw new TwotempError("models/keras", `TensorFlow.js can't build ${path}: ${reason}`, { cause: error });
  }
}

async function built(file: KerasFile, path: string): Promise<tf.LayersModel> {
  const keras3 = file.kerasVersion.startsWith("3");
  const config = JSON.parse(file.config) as JsonObject;
  if (keras3) refuseHardSigmoid(config);
  const model = await modelFrom(fromKeras(config, keras3), file);
  try {
    for (const layer of model.layers) {
      if (layer.weights.length === 0) continue;
      const weights = file.weights.get(layer.name) ?? [];
      if (weights.length !== layer.weights.length) {
        throw new TwotempError(
          "models/keras",
          `layer ${layer.name} of ${path} has ${weights.length} weights there, ${layer.weights.length} here`,
        );
      }
      const tensors = weights.map(({ values, shape }) => tf.tensor(values, [...shape], "float32"));
      try {
        layer.setWeights(tensors);
      } finally {
        tf.dispose(tensors);
      }
    }
  } catch (error) {
    model.dispose();
    throw error;
  }
  return model;
}

/** Whether the file begins with the signature of HDF5. */
function isHdf5(path: string): boolean {
  const head = Buffer.alloc(8);
  const file = openSync(path, "r");
  try {
    readSync(file, head, 0, 8, 0);
  } finally {
    closeSync(file);
  }
  return head.toString("latin1") === "\x89HDF\r\n\x1a\n";
}

/** Has TensorFlow.js build a model, but no more weights than the file has numbers for. */
async function modelFrom(modelTopology: JsonObject, file: KerasFile): Promise<tf.LayersModel> {
  let room = 0;
  for (const weights of file.weights.values()) for (const { values } of weights) room += values.length;
  const made: { dispose(): void }[] = [];
  const prototype = tf.layers.Layer.prototype as unknown as { addWeight: AddWeight };
  const { addWeight } = prototype;
  prototype.addWeight = function (this: unknown, name, shape, ...rest) {
    room -= shape.reduce((product, size) => product * size, 1);
    if (!(room >= 0)) throw new Error(`its layers need more weights than it holds`);
    const weight = addWeight.call(this, name, shape, ...rest);
    made.push(weight);
    return weight;
  };
  // It builds before it returns; only weights of its own would be waited for.
  const building = tf.models.modelFromJSON({ modelTopology } as tf.io.ModelJSON);
  prototype.addWeight = addWeight;
  try {
    return await building;
  } catch (error) {
    for (const weight of made) weight.dispose();
    throw error;
  }
}

type AddWeight = (name: string, shape: readonly number[], ...rest: unknown[]) => { dispose(): void };

function everyLayer(model: tf.LayersModel): tf.layers.Layer[] {
  return model.layers.flatMap((layer) => (layer instanceof tf.LayersModel ? everyLayer(layer) : [layer]));
}

/** Keras 3 means relu6(x + 3) / 6 by this name, Keras 2 and TensorFlow.js mean clip(0.2 x + 0.5, 0, 1). */
function refuseHardSigmoid(config: Json): void {
  if (config === "hard_sigmoid") {
    throw new TwotempError(
      "models/keras",
      "hard_sigmoid is another function in Keras 3: use sigmoid (recurrentActivation)",
    );
  }
  if (config !== null && typeof config === "object") Object.values(config).forEach(refuseHardSigmoid);
}

/** TensorFlow.js writes the configurations of Keras 2, but for the name of models and the input of sequential ones. */
function toKeras(config: Json, layers: ReadonlyMap<string, tf.layers.Layer>): Json {
  if (Array.isArray(config)) return config.map((entry) => toKeras(entry, layers));
  if (config === null || typeof config !== "object") return config;
  const out = Object.fromEntries(Object.entries(config).map(([key, value]) => [key, toKeras(value, layers)]));
  if (out.class_name === "SeparableConv2D") {
    // TensorFlow.js leaves this out.
    const own = out.config as JsonObject;
    own.depth_multiplier = (layers.get(String(own.name)) as unknown as { depthMultiplier: number }).depthMultiplier;
  }
  if (out.class_name === "Model") {
    out.class_name = "Functional";
    renumberNested(out.config as JsonObject, -1);
  }
  if (out.class_name === "Sequential") {
    const inner = out.config as JsonObject;
    const [first, ...rest] = inner.layers as JsonObject[];
    const { batch_input_shape: shape, ...own } = first.config as JsonObject;
    if (shape) {
      const input = {
        class_name: "InputLayer",
        config: { name: `${String(own.name)}_input`, batch_input_shape: shape, dtype: "float32" },
      };
      inner.layers = [input, { ...first, config: own }, ...rest];
    }
  }
  return out;
}

const isModel = (layer: JsonObject): boolean =>
  ["Functional", "Sequential", "Model"].includes(String(layer.class_name));

/**
 * Changes the numbers of calls of nested models: Keras 2 and TensorFlow.js count the one that the model is made with,
 * Keras 3 doesn't.
 */
function renumberNested(model: JsonObject, by: number): void {
  const layers = model.layers as JsonObject[];
  const names = new Set(layers.filter(isModel).map(({ name }) => name));
  const references = [
    model.input_layers,
    model.output_layers,
    ...layers.flatMap((layer) => (layer.inbound_nodes ?? []) as Json[]),
  ];
  for (const reference of (references as Json[][]).flat() as Json[][]) {
    if (names.has(reference[0])) reference[1] = Number(reference[1]) + by;
  }
}

/** Turns the configuration of a Keras 2 or 3 model into that of Keras 2, which TensorFlow.js reads. */
function fromKeras(config: JsonObject, keras3: boolean): JsonObject {
  const inner = config.config as JsonObject;
  const className = config.class_name === "Functional" ? "Model" : config.class_name;
  const given = inner.layers as JsonObject[];
  let layers = given.map((layer) => {
    requireOrdinary(layer);
    requireDistributions(layer);
    const own = isModel(layer)
      ? fromKeras(layer, keras3)
      : { class_name: layer.class_name, config: plain(layer.config) };
    const nodes = (layer.inbound_nodes as Json[] | undefined)?.map(inboundNode);
    return {
      ...own,
      ...(nodes ? { inbound_nodes: nodes } : {}),
      name: layer.name ?? (layer.config as JsonObject).name,
    };
  }) as JsonObject[];
  if (className === "Sequential" && layers[0]?.class_name === "InputLayer" && layers.length > 1) {
    const [input, first, ...rest] = layers;
    const shape = (input.config as JsonObject).batch_input_shape;
    layers = [{ ...first, config: { ...(first.config as JsonObject), batch_input_shape: shape } }, ...rest];
  }
  const ends = (key: string): Json => {
    const value = inner[key] as Json[] | undefined;
    // A single input or output isn't wrapped in a list.
    return value && typeof value[0] === "string" ? [value] : (value ?? []);
  };
  const whole: JsonObject = { name: inner.name, layers };
  if (className !== "Sequential") {
    Object.assign(whole, { input_layers: ends("input_layers"), output_layers: ends("output_layers") });
    if (keras3) renumberNested(whole, 1);
    requireConnected(layers);
  }
  return { class_name: className, config: whole, keras_version: "2.15.0", backend: "tensorflow" };
}

/** How often a layer has been called before its model connects it: models and inputs are born with a call. */
function callsAtBirth(layer: JsonObject): number {
  if (layer.class_name === "InputLayer" || layer.class_name === "Model") return 1;
  if (layer.class_name !== "Sequential") return 0;
  const [first] = (layer.config as JsonObject).layers as (JsonObject | undefined)[];
  return first && ((first.config as JsonObject).batch_input_shape || callsAtBirth(first)) ? 1 : 0;
}

/** Refuses layers that read what no layer makes: TensorFlow.js would wait for it for ever. */
function requireConnected(layers: readonly JsonObject[]): void {
  const calls = new Map(layers.map((layer) => [layer.name, callsAtBirth(layer)]));
  if (calls.size < layers.length || layers.some(({ name, config }) => name !== (config as JsonObject).name)) {
    throw new TwotempError("models/keras", "its layers aren't told apart by their names");
  }
  let waiting = layers.flatMap(({ name, inbound_nodes: nodes }) =>
    ((nodes ?? []) as Json[][][]).map((reads) => ({ name, reads })),
  );
  for (let before = Infinity; waiting.length < before;) {
    before = waiting.length;
    waiting = waiting.filter(({ name, reads }) => {
      // A call of nothing makes nothing.
      if (reads.length === 0) return true;
      if (reads.some(([layer, call]) => !calls.has(layer) || calls.get(layer)! <= Number(call))) return true;
      calls.set(name, calls.get(name)! + 1);
      return false;
    });
  }
  if (waiting.length > 0) {
    throw new TwotempError("models/keras", `layer ${String(waiting[0].name)} reads what no layer before it makes`);
  }
}

/** Options of Keras that TensorFlow.js doesn't have, and the values with which they do nothing. */
const extraOptions: Readonly<Record<string, readonly Json[]>> = {
  groups: [1],
  threshold: [0, null],
  output_padding: [null],
  rms_scaling: [false],
  renorm: [false],
};

/** Refuses layers whose options TensorFlow.js would pass over in silence. */
function requireOrdinary({ class_name: className, config }: JsonObject): void {
  const options = config as JsonObject;
  const values: Record<string, readonly Json[]> = {
    ...extraOptions,
    ...(className === "ReLU" ? { negative_slope: [0, null] } : {}),
  };
  for (const [option, ordinary] of Object.entries(values)) {
    const value = options[option];
    if (value === undefined || ordinary.includes(value) || (className === "ThresholdedReLU" && option === "threshold"))
      continue;
    throw new TwotempError(
      "models/keras",
      `layer ${String(options.name)} has ${option} ${JSON.stringify(value)}, which TensorFlow.js doesn't have`,
    );
  }
}

/** Refuses distributions that TensorFlow.js would draw from for ever: it draws again until a number is in range. */
function requireDistributions({ config }: JsonObject): void {
  for (const [option, value] of Object.entries(config as JsonObject)) {
    if (!option.endsWith("initializer") || value === null || typeof value !== "object") continue;
    for (const [name, number] of Object.entries(((value as JsonObject).config ?? {}) as JsonObject)) {
      const drawn = ["scale", "mean", "stddev", "minval", "maxval", "gain"].includes(name);
      if (!drawn || (typeof number === "number" && Number.isFinite(number) && (name !== "stddev" || number >= 0)))
        continue;
      throw new TwotempError(
        "models/keras",
        `layer ${String((config as JsonObject).name)} has ${option} with ${name} ${JSON.stringify(number)}, which no distribution has`,
      );
    }
  }
}

/** New names of Keras 3, and what TensorFlow.js calls them. */
const oldNames: Readonly<Record<string, string>> = { batch_shape: "batch_input_shape", negative_slope: "alpha" };

/** Strips what Keras 3 adds: modules and registered names, policies for types, `batch_shape`. */
function plain(config: Json): Json {
  if (Array.isArray(config)) return config.map(plain);
  if (config === null || typeof config !== "object") return config;
  if (config.class_name === "DTypePolicy") return (config.config as JsonObject).name;
  const out: JsonObject = {};
  for (const [key, value] of Object.entries(config)) {
    if (["module", "registered_name", "build_config", "groups", "optional", "ragged"].includes(key)) continue;
    out[oldNames[key] ?? key] = plain(value);
  }
  return out;
}

/** One call of a layer: `[[layer, node, tensor, {}], ...]` in Keras 2; Keras 3 nests it in arguments. */
function inboundNode(node: Json): Json {
  if (Array.isArray(node)) return node;
  const found: Json[] = [];
  const collect = (value: Json): void => {
    if (Array.isArray(value)) value.forEach(collect);
    else if (value !== null && typeof value === "object") {
      if (value.class_name === "__keras_tensor__")
        found.push([...((value.config as JsonObject).keras_history as Json[]), {}]);
      else Object.values(value).forEach(collect);
    }
  };
  collect((node as JsonObject).args);
  return found;
}
