import type { ZodType } from "zod";
import { engine } from "../engine/index.js";
import { TwotempError } from "../errors.js";
import type { WorkOptions } from "../progress.js";
import type { Json } from "./canonical.js";
import { codeVersion } from "./version.js";

/** What a task is given besides its settings. */
export interface TaskContext extends WorkOptions {
  /** Results of the tasks it needs, in the order in which it names them. */
  readonly inputs: readonly Json[];
  /** A folder of its own for checkpoints: there again when the task is run again, removed when its record is written. */
  readonly scratch?: string;
  /** Seconds between two checkpoints. Default 20. */
  readonly checkpointSeconds?: number;
}

/** A kind of task: what its settings may be, and how it is done. */
export interface TaskKind<Settings = unknown> {
  readonly name: string;
  readonly settings: ZodType<Settings>;
  /** The compiled module that executes it (`__filename`): what it imports decides the version of the code. */
  readonly module: string;
  /** Whether tensors are involved: then the engine is part of the task's identity, as engines differ in the last digits. */
  readonly usesEngine: boolean;
  /** Must depend on settings and inputs only, and return plain JSON data. */
  execute(settings: Settings, context: TaskContext): Promise<unknown>;
}

const kinds = new Map<string, TaskKind>();

/**
 * Makes a kind of task known to this process. Runners and workers execute known kinds and nothing else.
 *
 * @example
 * ```ts
 * defineTaskKind({ name: "sum", settings: z.strictObject({ to: z.int() }), module: __filename, usesEngine: false,
 *   execute: async ({ to }) => ({ sum: (to * (to + 1)) / 2 }) });
 * ```
 */
export function defineTaskKind<Settings>(kind: TaskKind<Settings>): void {
  kinds.set(kind.name, kind as TaskKind);
}

/** The kind of that name; throws `experiments/kind` if there is none. */
export function taskKind(name: string): TaskKind {
  const kind = kinds.get(name);
  if (!kind) {
    throw new TwotempError(
      "experiments/kind",
      `unknown kind of task ${JSON.stringify(name)}; known: ${[...kinds.keys()].join(", ")}`,
    );
  }
  return kind;
}

/**
 * The version that goes into a task's identity: that of the code, and the engine where tensors are involved.
 *
 * @throws TwotempError `experiments/engine` if an engine is needed and none runs yet
 */
export function kindVersion(name: string): string {
  const kind = taskKind(name);
  const code = codeVersion(kind.module);
  if (!kind.usesEngine) return code;
  const running = engine();
  if (!running)
    throw new TwotempError("experiments/engine", `tasks of kind ${name} need an engine: await ready() first`);
  return `${code}-${running.engine}${running.device === "gpu" ? "-gpu" : ""}`;
}

/** One version for all kinds, by which workers of a queue are told apart. */
export function allVersions(): string {
  return [...kinds.keys()]
    .sort()
    .map((name) => `${name} ${kindVersion(name)}`)
    .join(", ");
}
