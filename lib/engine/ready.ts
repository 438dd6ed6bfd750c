import { availableParallelism } from "node:os";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import util from "node:util";
import * as tf from "@tensorflow/tfjs";
import { TwotempError } from "../errors.js";
import { mendAveragePoolGradients } from "./averagePool.js";
import { useConvolutionGradients } from "./convolution.js";
import { nativeBackend } from "./native.js";
import { useNativeGradients } from "./nativeGradients.js";
import { useNativeKernels } from "./nativeKernels.js";
import { useWasmKernels } from "./wasmKernels.js";

/** Which TensorFlow runs: the native C library, WebAssembly, or plain JavaScript. */
export type EngineName = "tensorflow" | "wasm" | "cpu";

/** What {@link ready} chose, and why not something faster. */
export interface Engine {
  readonly engine: EngineName;
  /** Of TensorFlow natively, else of TensorFlow.js. */
  readonly version: string;
  readonly device: "cpu" | "gpu";
  /** Threads of one operation. Results are bit-identical for one number of threads, not across numbers. */
  readonly threads: number;
  /** One line for each faster engine that couldn't be had. */
  readonly notes: readonly string[];
}

/** How {@link ready} chooses. */
export interface ReadyOptions {
  /** This engine and no other ("native" is "tensorflow"); default: the fastest that loads. */
  readonly engine?: EngineName | "native";
  /** Threads of one native operation; default: as many as there are cores. */
  readonly threads?: number;
}

const order: readonly EngineName[] = ["tensorflow", "wasm", "cpu"];
const names: Readonly<Record<EngineName, string>> = {
  tensorflow: "native TensorFlow",
  wasm: "WebAssembly",
  cpu: "plain JavaScript",
};

// Plain JavaScript prints advice on its first use, as by whoever makes a tensor before ready(): every instance is told
// that this isn't the first one.
Object.defineProperty(Object.getPrototypeOf(tf.findBackend("cpu")), "firstUse", {
  get: () => false,
  set: () => undefined,
});
(tf.findBackend("cpu") as unknown as { firstUse: boolean }).firstUse = false;

let chosen: Promise<Engine> | undefined;
let running: Engine | undefined;

/**
 * Starts the fastest engine that can be had: native TensorFlow, else WebAssembly, else plain JavaScript. Call it once,
 * before anything else; later calls return the first one's choice.
 *
 * The choice can also be made by the environment variable TWOTEMP_ENGINE or by the set-up (`npm run setup -- --engine
 * wasm` writes `build/engine.json`); an argument comes first. Your own TensorFlow.js code runs on the same engine.
 *
 * @returns which engine runs, with how many threads, and why not a faster one
 * @throws TwotempError `engine/unknown` for another name, `engine/threads` for a number of threads that isn't a whole
 *   number from 1, `engine/unavailable` if the engine asked for can't be had, `engine/chosen` if another one runs already
 * @example
 * ```ts
 * const { engine, notes } = await tt.ready();
 * ```
 */
export async function ready(options: ReadyOptions = {}): Promise<Engine> {
  const wanted = options.engine === undefined ? undefined : engineName(options.engine);
  if (options.threads !== undefined && !(Number.isInteger(options.threads) && options.threads >= 1)) {
    throw new TwotempError("engine/threads", `threads must be a whole number from 1, got ${options.threads}`);
  }
  if (chosen) {
    const engine = await chosen;
    const otherThreads = options.threads !== undefined && options.threads !== engine.threads;
    if ((wanted && wanted !== engine.engine) || otherThreads) {
      throw new TwotempError(
        "engine/chosen",
        `${names[engine.engine]} runs already, with ${engine.threads} threads: restart the process or kernel to change`,
      );
    }
    return engine;
  }
  chosen = start(wanted ?? configured(), options.threads);
  try {
    return (running = await chosen);
  } catch (error) {
    chosen = undefined;
    throw error;
  }
}

/** The engine that runs, or undefined before {@link ready}. */
export function engine(): Engine | undefined {
  return running;
}

function engineName(name: string): EngineName {
  const known = name === "native" ? "tensorflow" : order.find((engine) => engine === name);
  if (known) return known;
  throw new TwotempError("engine/unknown", `unknown engine ${JSON.stringify(name)}: native, wasm or cpu`);
}

/** What the environment or the set-up asks for. */
function configured(): EngineName | undefined {
  const fromEnvironment = process.env.TWOTEMP_ENGINE;
  if (fromEnvironment) return engineName(fromEnvironment);
  const file = join(packageFolder(), "build", "engine.json");
  if (!existsSync(file)) return undefined;
  const written = (JSON.parse(readFileSync(file, "utf8")) as { engine?: string }).engine;
  return written ? engineName(written) : undefined;
}

/** The folder of this package, above the compiled `dist/lib/engine`. */
function packageFolder(): string {
  return join(__dirname, "..", "..", "..");
}

async function start(wanted: EngineName | undefined, threads: number | undefined): Promise<Engine> {
  const notes: string[] = [];
  mendAveragePoolGradients("cpu");
  for (const engine of wanted ? [wanted] : order) {
    try {
      return { engine, notes, ...(await starters[engine](threads)) };
    } catch (error) {
      const reason = String((error as Error).message)
        .split("\n")[0]
        .trim();
      notes.push(`no ${names[engine]}: ${reason}`);
    }
  }
  throw new TwotempError("engine/unavailable", `${notes.join("; ")}; \`npm start\` sets engines up`);
}

type Started = Pick<Engine, "version" | "device" | "threads">;

const starters: Readonly<Record<EngineName, (threads?: number) => Promise<Started>>> = {
  tensorflow: startNative,
  wasm: startWasm,
  cpu: startPlain,
};

async function startNative(wanted?: number): Promise<Started> {
  const threads = wanted ?? (Number(process.env.TF_NUM_INTRAOP_THREADS) || availableParallelism());
  // TensorFlow reads these as it loads. The same threads every time give the same bits every time.
  process.env.TF_NUM_INTRAOP_THREADS = String(threads);
  process.env.TF_NUM_INTEROP_THREADS ??= "1";
  process.env.OMP_NUM_THREADS ??= String(threads);
  // On by itself only on some processors.
  process.env.TF_ENABLE_ONEDNN_OPTS ??= "1";
  process.env.TF_CPP_MIN_LOG_LEVEL ??= "2";
  restoreUtilities();
  const binding = join(packageOf("@tensorflow/tfjs-node-gpu"), "lib", "napi-v8", "tfjs_binding.node");
  if (!existsSync(binding)) throw new Error("it isn't built; `npm start` builds it");
  // `import` would look through every file of the package for what it exports, for half a second.
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  require("@tensorflow/tfjs-node-gpu");
  await tf.setBackend("tensorflow");
  useConvolutionGradients();
  const backend = nativeBackend()!;
  if (!("addFunction" in backend.binding)) throw new Error("it isn't this project's; `npm start` builds it");
  useNativeGradients();
  useNativeKernels(backend);
  return {
    version: backend.binding.TF_Version,
    device: backend.isUsingGpuDevice ? "gpu" : "cpu",
    threads,
  };
}

/** The binding calls two functions that Node 22 deprecated and Node 23 removed. */
function restoreUtilities(): void {
  const target = util as { isNullOrUndefined?: unknown; isArray?: unknown };
  target.isNullOrUndefined = (value: unknown): boolean => value === null || value === undefined;
  target.isArray = Array.isArray;
}

function packageOf(name: string): string {
  return join(require.resolve(`${name}/package.json`), "..");
}

async function startWasm(): Promise<Started> {
  const { setWasmPaths, version_wasm: version } = await import("@tensorflow/tfjs-backend-wasm");
  setWasmPaths(join(packageOf("@tensorflow/tfjs-backend-wasm"), "dist", "/"));
  useWasmKernels();
  mendAveragePoolGradients("wasm");
  useConvolutionGradients();
  if (!(await tf.setBackend("wasm"))) throw new Error("it doesn't start");
  return { version, device: "cpu", threads: 1 };
}

async function startPlain(): Promise<Started> {
  useConvolutionGradients();
  await tf.setBackend("cpu");
  return { version: tf.version_core, device: "cpu", threads: 1 };
}
