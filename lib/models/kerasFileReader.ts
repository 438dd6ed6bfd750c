import { statSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import type { KerasFile, KerasReply, KerasWeight } from "./kerasFile.js";

/** The part of h5wasm that is used here. */
interface Hdf5Group {
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

function read({ File }: Hdf5, path: string): KerasFile {
  const file = new File(path, "r");
  const config = file.attrs.model_config?.value;
  if (typeof config !== "string") {
    throw new Error("it holds no model_config: save the whole model, not its weights alone");
  }
  const weights = new Map<string, KerasWeight[]>();
  const layers = file.get("model_weights") as Hdf5Group | null;
  // Keras doesn't compress: a file can't hold more numbers than it has bytes for.
  let room = statSync(path).size / Float32Array.BYTES_PER_ELEMENT;
  for (const layer of layers?.keys() ?? []) {
    const group = (layers as Hdf5Group).get(layer) as Hdf5Group;
    const names = (group.attrs.weight_names?.value ?? []) as string[];
    const values = names.map((name): KerasWeight => {
      const dataset = group.get(name) as Hdf5Dataset;
      room -= dataset.shape.reduce((product, size) => product * size, 1);
      if (!(room >= 0)) throw new Error(`layer ${layer} promises more numbers than the file holds`);
      return { shape: [...dataset.shape], values: Float32Array.from(dataset.value) };
    });
    weights.set(layer, values);
  }
  return { config, kerasVersion: String(file.attrs.keras_version?.value ?? "2"), weights };
}

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
    say({ file: read(library, workerData as string) });
  } catch (error) {
    say({
      error: String((error as Error | undefined)?.message ?? error)
        .split("\n")[0]
        .slice(0, 200),
    });
  }
}

void main();
