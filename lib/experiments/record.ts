import { z } from "zod";
import { TwotempError } from "../errors.js";
import { canonicalJson, sha256, type Json } from "./canonical.js";
import { firstIssue, taskId, taskSchema, type Task } from "./task.js";

/** Which experiment a record was made under: its name, and the hash of its file as it was then. */
export interface ExperimentStamp {
  readonly name: string;
  readonly hash: string;
}

/** What is kept of a task that is done. It holds no times and no machine names, so equal runs give equal bytes. */
export interface TaskRecord {
  readonly format: "twotemp-record";
  readonly formatVersion: 1;
  readonly experiment: ExperimentStamp;
  readonly task: Task;
  readonly result: Json;
}

export const stampSchema: z.ZodType<ExperimentStamp> = z.strictObject({
  name: z.string().max(200),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
});

const recordSchema = z.strictObject({
  format: z.literal("twotemp-record"),
  formatVersion: z.literal(1),
  experiment: stampSchema,
  task: taskSchema,
  result: z.custom<Json>((result) => result !== undefined, "expected a result"),
});

export function makeRecord(experiment: ExperimentStamp, task: Task, result: Json): TaskRecord {
  return { format: "twotemp-record", formatVersion: 1, experiment, task, result };
}

const before = (hash: string): string => `{"hash":"${hash}","record":`;
const after = "}\n";

/** The text of a record's file: JSON whose first entry is the SHA-256 of the second as it stands there. */
export function encodeRecord(record: TaskRecord): string {
  const body = canonicalJson(record, "record");
  return `${before(sha256(body))}${body}${after}`;
}

/**
 * The record in a file's text.
 *
 * @param name - the file, for errors
 * @param id - whose record it should be
 * @throws TwotempError `experiments/record` if it is torn, edited, of another task, or no record of this version
 */
export function decodeRecord(text: string, name: string, id: string): TaskRecord {
  const invalid = (what: string): TwotempError => new TwotempError("experiments/record", `${name}: ${what}`);
  const start = before("").length + 64;
  const hash = text.slice(9, 73);
  if (text.slice(0, start) !== before(hash) || !text.endsWith(after)) throw invalid("not a whole record");
  const body = text.slice(start, -after.length);
  if (sha256(body) !== hash) throw invalid("its content doesn't match its hash: it is torn or was edited");
  let data: unknown;
  try {
    data = JSON.parse(body);
  } catch {
    throw invalid("its content isn't JSON");
  }
  const parsed = recordSchema.safeParse(data);
  if (!parsed.success) throw invalid(firstIssue(parsed.error));
  const record = parsed.data as TaskRecord;
  if (record.task.id !== id) throw invalid(`it is the record of task ${record.task.id}`);
  if (taskId(record.task) !== id) throw invalid("its task isn't what its identity says");
  return record;
}
