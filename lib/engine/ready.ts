import * as tf from "@tensorflow/tfjs";
import { TwotempError } from "../errors.js";

/** Which TensorFlow runs: the native C library, WebAssembly, or plain JavaScript. */
export type EngineName = "tensorflow" | "wasm" | "cpu";

/** What {@link ready} chose, and why not something faster. */
export interface Engine {
  readonly engine: EngineName;
  readonly version: string;
  /** One line an engine that was tried and couldn't be had. */
  readonly notes: readonly string[];
}

let chosen: Promise<Engine> | undefined;

/** The engine that runs, or undefined before {@link ready}. */
export async function ready(options: { engine?: EngineName } = {}): Promise<Engine> {
  chosen ??= start(options.engine);
  return chosen;
}

async function start(wanted?: EngineName): Promise<Engine> {
  process.env.TF_CPP_MIN_LOG_LEVEL ??= "2";
  const notes: string[] = [];
  if (wanted === undefined || wanted === "tensorflow") {
    try {
      require("@tensorflow/tfjs-node-gpu");
      await tf.setBackend("tensorflow");
      return { engine: "tensorflow", version: tf.version_core, notes };
    } catch (error) {
      notes.push(`native TensorFlow: ${String((error as Error).message).split("\n")[0]}`);
      if (wanted) throw new TwotempError("engine/native", notes[0], { cause: error });
    }
  }
  await tf.setBackend("cpu");
  return { engine: "cpu", version: tf.version_core, notes };
}
