import { statSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import type { KerasFile, KerasReply, KerasWeight } from "./kerasFile.js";

/** The part of h5wasm that is used here. */
export interface Hdf5Group {
  readonly attrs: Readonly<Record<string, { readonly value: unknown } | undefined>>;
  keys(): string[];
  get(path: string): unknown;
}
interface Hdf5 {
  readonly ready: Promise<{ activate_throwing_error_handler(): number }>;
  readonly File: new (path: string, mode: "r") => Hdf5Group;
}
interface Hdf5Dataset {
  readonly shape: readonly number[];
  readonly value: ArrayLike<number>;
}

/**
 * What a Keras file's tree of groups holds.
 *
 * @param bytes - size of the file
 * @throws Error saying what isn't as Keras writes it
 */
export function readTree(file: Hdf5Group, bytes: number): KerasFile {
  const config = file.attrs.model_config?.value;
  if (typeof config !== "string") {
    throw new Error("it holds no model_config: save the whole model, not its weights alone");
  }
  const weights = new Map<string, KerasWeight[]>();
  const layers = file.get("model_weights");
  // Keras doesn't compress: a file can't hold more numbers than it has bytes for.
  let room = bytes / Float32Array.BYTES_PER_ELEMENT;
  for (const layer of isGroup(layers) ? layers.keys() : []) {
    const group = (layers as Hdf5Group).get(layer);
    if (!isGroup(group)) throw new Error(`layer ${layer} is no group`);
    const written = group.attrs.weight_names?.value ?? [];
    // Keras writes an empty list as one of numbers.
    const names: unknown = written instanceof Float64Array ? [...written] : written;
    if (!Array.isArray(names)) throw new Error(`layer ${layer} has no list of weights`);
    const values = names.map((name: unknown): KerasWeight => {
      const dataset = group.get(String(name));
      if (!isDataset(dataset)) throw new Error(`layer ${layer} has no numbers called ${String(name)}`);
      const size = dataset.shape.reduce((product, length) => product * length, 1);
      room -= size;
      if (!(room >= 0)) throw new Error(`layer ${layer} promises more numbers than the file holds`);
      const { value } = dataset;
      if (value?.length !== size) throw new Error(`layer ${layer}: ${String(name)} isn't of its shape`);
      return { shape: [...dataset.shape], values: Float32Array.from(value) };
    });
    weights.set(layer, values);
  }
  return { config, kerasVersion: String(file.attrs.keras_version?.value ?? "2"), weights };
}

const isGroup = (node: unknown): node is Hdf5Group =>
  typeof (node as Partial<Hdf5Group> | null | undefined)?.keys === "function";

const isDataset = (node: unknown): node is Hdf5Dataset => {
  const shape: unknown = (node as Partial<Hdf5Dataset> | null | undefined)?.shape;
  return Array.isArray(shape) && shape.every((length) => Number.isSafeInteger(length) && length >= 0);
};

async function main(): Promise<void> {
  const say = (reply: KerasReply): void => parentPort?.postMessage(reply);
  // Not a literal: the package's own types need a DOM.
  const name: string = "h5wasm/node";
  let library: Hdf5;
  try {
    library = (await import(name)) as Hdf5;
    // Otherwise it prints what it finds wrong, and goes on.
    (await library.ready).activate_throwing_error_handler();
  } catch {
    return say({ error: "it takes the package h5wasm: npm install h5wasm" });
  }
  say({ started: true });
  try {
    const path = workerData as string;
    say({ file: readTree(new library.File(path, "r"), statSync(path).size) });
  } catch (error) {
    say({
      error: String((error as Error | undefined)?.message ?? error)
        .split("\n")[0]
        .slice(0, 200),
    });
  }
}

// A test imports the reader without its thread.
if (parentPort) void main();
