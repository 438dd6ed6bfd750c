import { z } from "zod";
import { TwotempError } from "../errors.js";
import { canonicalJson, isPlainObject, sha256, type Json } from "./canonical.js";
import { kindVersion, taskKind, type TaskContext } from "./kinds.js";

/** One piece of an experiment: independent of all others but for those whose results it needs. */
export interface Task {
  /** SHA-256 of everything else here. */
  readonly id: string;
  readonly kind: string;
  readonly settings: Json;
  /** Tasks whose results it takes. */
  readonly needs: readonly string[];
  /** Version of the code that decides the result; see `kindVersion`. */
  readonly version: string;
}

const hex64 = z.string().regex(/^[0-9a-f]{64}$/);

/** The shape of a task; its settings are checked by its kind. */
export const taskSchema: z.ZodType<Task> = z.strictObject({
  id: hex64,
  kind: z.string().max(100),
  settings: z.custom<Json>((settings) => isPlainObject(settings), "expected an object"),
  needs: z.array(hex64).max(10_000),
  version: z.string().max(100),
}) as z.ZodType<Task>;

/** The identity of a task: the hash of its content, of what it needs, and of the version of the code. */
export function taskId({ kind, settings, needs, version }: Omit<Task, "id">): string {
  return sha256(canonicalJson({ kind, needs, settings, version }, "task"));
}

/**
 * Makes a task of a known kind; its settings get their defaults, so that spelling a default out changes nothing.
 *
 * @throws TwotempError `experiments/kind`, `experiments/settings`
 */
export function makeTask(kind: string, settings: unknown, needs: readonly string[] = []): Task {
  // Through JSON, so that an option left undefined is one that isn't there.
  const plain = JSON.parse(canonicalJson(parseSettings(kind, settings), "settings")) as Json;
  const content = { kind, settings: plain, needs, version: kindVersion(kind) };
  return { id: taskId(content), ...content };
}

function parseSettings(kind: string, settings: unknown): unknown {
  const parsed = taskKind(kind).settings.safeParse(settings);
  if (!parsed.success)
    throw new TwotempError("experiments/settings", `task of kind ${kind}: ${firstIssue(parsed.error)}`);
  return parsed.data;
}

/** The first thing that a schema found wrong, in one line. */
export function firstIssue(error: z.ZodError): string {
  const [issue] = error.issues;
  const place = issue.path.map(String).join(".");
  return `${place ? `${place}: ` : ""}${issue.message}`.replaceAll(/\s+/g, " ").slice(0, 500);
}

/**
 * Does one task, and nothing that its kind's schema doesn't allow.
 *
 * @param task - from a plan or a queue; nothing in it is trusted
 * @param context - results of the tasks it needs, a signal, a folder for checkpoints
 * @returns the result, plain JSON data
 * @throws TwotempError `experiments/task` (not a task, or its identity isn't that of its content), `experiments/kind`,
 *   `experiments/settings`, `experiments/version` (another version of the code planned it), `experiments/json` (the result
 *   holds NaN or isn't plain), and whatever the execution throws
 */
export async function executeTask(task: unknown, context: TaskContext): Promise<Json> {
  const { id, kind, settings, needs } = checkTask(task);
  if (context.inputs.length !== needs.length) {
    throw new TwotempError(
      "experiments/task",
      `task ${id} needs ${needs.length} results, got ${context.inputs.length}`,
    );
  }
  const result = await taskKind(kind).execute(parseSettings(kind, settings), context);
  // Through JSON and back: what is recorded is what everybody sees.
  return JSON.parse(canonicalJson(result, "result")) as Json;
}

/** The task if it is one that this process may execute. */
export function checkTask(task: unknown): Task {
  const parsed = taskSchema.safeParse(task);
  if (!parsed.success) throw new TwotempError("experiments/task", `not a task: ${firstIssue(parsed.error)}`);
  const checked = parsed.data;
  parseSettings(checked.kind, checked.settings);
  const version = kindVersion(checked.kind);
  if (checked.version !== version) {
    throw new TwotempError(
      "experiments/version",
      `task ${checked.id} was planned by version ${checked.version} of the code, this is ${version}: use one version everywhere`,
    );
  }
  if (taskId(checked) !== checked.id) {
    throw new TwotempError("experiments/task", `task ${checked.id} isn't what its identity says: it was edited`);
  }
  return checked;
}
