import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { TwotempError } from "../errors.js";
import type { Json } from "./canonical.js";
import { guarded, uniqueName, writeAtomically } from "./files.js";
import { Locks } from "./locks.js";
import { decodeRecord, encodeRecord, type TaskRecord } from "./record.js";
import { taskSchema, type Task } from "./task.js";

/** A task that was tried as often as allowed. */
export interface Failure {
  readonly task: Task;
  /** What each try ended with. */
  readonly errors: readonly string[];
}

/** What happened to a task, when and for how long; kept apart from records, which hold no times. */
export interface JournalEntry {
  readonly task: string;
  readonly kind: string;
  readonly ended: string;
  readonly seconds: number;
  readonly outcome: "done" | "failed";
}

/** A record that was found torn or edited. */
export interface Aside {
  readonly id: string;
  readonly reason: string;
}

const failureSchema = z.strictObject({ task: taskSchema, errors: z.array(z.string()) });
const entrySchema = z.object({
  task: z.string(),
  kind: z.string(),
  ended: z.string(),
  seconds: z.number(),
  outcome: z.enum(["done", "failed"]),
});

/** A temporary file that is so old is nobody's any more. */
const leftBehindMilliseconds = 3600 * 1000;

const indexHead = "twotemp index 1";
const idPattern = /^[0-9a-f]{64}$/;
const fileId = (file: string): string | undefined =>
  file.endsWith(".json") && idPattern.test(file.slice(0, -5)) ? file.slice(0, -5) : undefined;

/** Size and time of a record's file when it was last verified. */
interface Verified {
  readonly size: number;
  readonly time: number;
}

/**
 * The records of an experiment: a folder that any number of processes may use at once, also over a network.
 *
 * ```
 * records/ab/abcd….json   one a task, by identity; written to a temporary file, flushed, renamed; its own hash inside
 * aside/                  records that were torn or edited: never trusted, done again
 * failed/                 tasks that were set aside after three tries, with their errors
 * journal/                when each task ended and how long it took, a file a process
 * locks/                  who does what now
 * scratch/                checkpoints of tasks that aren't done
 * index                   size and time of each verified record, so that opening needn't read them; made again when missing
 * ```
 */
export class RunStore {
  private readonly verified = new Map<string, Verified>();
  private readonly journalFile: string;
  private locks: Locks | undefined;
  private indexStale = false;
  /** Records that this process found torn or edited. */
  readonly setAside: Aside[] = [];

  /**
   * Opens a store, or makes one; every record that changed since the index was written is verified.
   *
   * @param folder - of the store
   * @param options.readOnly - change nothing: torn records are left where they are, and count as missing
   * @throws TwotempError `experiments/read-only`, `experiments/disk-full`, `experiments/path`
   */
  constructor(
    readonly folder: string,
    private readonly options: { readonly readOnly?: boolean } = {},
  ) {
    this.journalFile = join(folder, "journal", `${uniqueName()}.jsonl`);
    guarded(folder, () => {
      if (!options.readOnly) {
        mkdirSync(join(folder, "records"), { recursive: true });
        this.locks = new Locks(join(folder, "locks"));
      }
      this.scan();
    });
  }

  /** The identities of all records. */
  ids(): string[] {
    return [...this.verified.keys()];
  }

  get size(): number {
    return this.verified.size;
  }

  /** Whether a good record of the task is there, of this process or another. */
  has(id: string): boolean {
    return this.verified.has(id) || this.verify(id);
  }

  /** The record, verified; undefined if there is none, or if it is torn or edited and so set aside. */
  get(id: string): TaskRecord | undefined {
    const path = this.path(id);
    let text: string;
    try {
      text = readFileSync(path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") return guarded(path, () => fail(error));
      this.verified.delete(id);
      return undefined;
    }
    try {
      return decodeRecord(text, path, id);
    } catch (error) {
      this.putAside(id, (error as Error).message);
      return undefined;
    }
  }

  /** Writes a record, unless a good one is there still: another process may have moved or removed what this one knew. */
  put(record: TaskRecord): void {
    const { id } = record.task;
    if (this.get(id)) return;
    writeAtomically(this.path(id), encodeRecord(record));
    this.remember(id);
    this.discardScratch(id);
    rmSync(this.failurePath(id), { force: true });
  }

  /** Takes a task for this process; false if another one has it. */
  lock(id: string): boolean {
    return this.locks?.take(id) ?? false;
  }

  unlock(id: string): void {
    this.locks?.release(id);
  }

  /** Where a task that isn't done keeps its checkpoints. */
  scratch(id: string): string {
    return join(this.folder, "scratch", id);
  }

  /** Removes the checkpoints of a task that is done. */
  discardScratch(id: string): void {
    rmSync(this.scratch(id), { recursive: true, force: true });
  }

  /** Sets a task aside that failed as often as allowed. */
  putFailure(failure: Failure): void {
    writeAtomically(this.failurePath(failure.task.id), `${JSON.stringify(failure, null, 1)}\n`);
  }

  /** Tasks that were set aside, by identity. */
  failures(): Map<string, Failure> {
    const found = new Map<string, Failure>();
    for (const file of list(join(this.folder, "failed"))) {
      const id = fileId(file);
      if (!id) continue;
      const failure = readJson(this.failurePath(id), failureSchema);
      // A failure that can't be read keeps nothing back: the task is simply tried again.
      if (failure?.task.id === id) found.set(id, failure);
    }
    return found;
  }

  removeFailure(id: string): void {
    guarded(this.folder, () => rmSync(this.failurePath(id), { force: true }));
  }

  private remember(id: string): void {
    const stat = statSync(this.path(id), { throwIfNoEntry: false });
    if (!stat) return;
    this.verified.set(id, { size: stat.size, time: stat.mtimeMs });
    this.indexStale = true;
  }

  /** Writes down how a task ended. */
  log(entry: JournalEntry): void {
    guarded(this.journalFile, () => {
      mkdirSync(join(this.folder, "journal"), { recursive: true });
      appendFileSync(this.journalFile, `${JSON.stringify(entry)}\n`);
    });
  }

  /** How tasks ended, of all processes. */
  journal(): JournalEntry[] {
    return list(join(this.folder, "journal")).flatMap((file) =>
      readFileSync(join(this.folder, "journal", file), "utf8")
        .split("\n")
        .flatMap((line) => parseEntry(line) ?? []),
    );
  }

  /** Writes the index and gives the locks back. */
  close(): void {
    try {
      if (this.indexStale && !this.options.readOnly) this.writeIndex();
    } finally {
      this.locks?.close();
    }
  }

  /** The path of a record. */
  path(id: string): string {
    if (!idPattern.test(id))
      throw new TwotempError("experiments/task", `not the identity of a task: ${JSON.stringify(id)}`);
    return join(this.folder, "records", id.slice(0, 2), `${id}.json`);
  }

  private failurePath(id: string): string {
    return join(this.folder, "failed", `${id}.json`);
  }

  private scan(): void {
    const known = this.readIndex();
    const records = join(this.folder, "records");
    let confirmed = 0;
    for (const shard of list(records)) {
      for (const file of list(join(records, shard))) {
        const id = fileId(file);
        if (file.endsWith(".tmp")) this.sweepOut(join(records, shard, file));
        if (!id || !id.startsWith(shard)) continue;
        const stat = statSync(join(records, shard, file), { throwIfNoEntry: false });
        const before = known.get(id);
        if (stat && before && before.size === stat.size && before.time === stat.mtimeMs) {
          this.verified.set(id, before);
          confirmed++;
        } else {
          this.verify(id);
        }
      }
    }
    this.indexStale ||= confirmed !== known.size;
  }

  /** Removes a temporary file that a process left behind when it was killed. */
  private sweepOut(path: string): void {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat && !this.options.readOnly && Date.now() - stat.mtimeMs > leftBehindMilliseconds)
      rmSync(path, { force: true });
  }

  private verify(id: string): boolean {
    if (!existsSync(this.path(id))) return false;
    if (!this.get(id)) return false;
    this.remember(id);
    return true;
  }

  private putAside(id: string, reason: string): void {
    this.verified.delete(id);
    // A reader, which leaves the record in its place, meets it again.
    if (!this.setAside.some((record) => record.id === id)) this.setAside.push({ id, reason });
    if (this.options.readOnly) return;
    guarded(this.folder, () => {
      mkdirSync(join(this.folder, "aside"), { recursive: true });
      renameSync(this.path(id), join(this.folder, "aside", `${id}.${uniqueName()}.json`));
    });
    this.indexStale = true;
  }

  private readIndex(): Map<string, Verified> {
    const known = new Map<string, Verified>();
    let lines: string[];
    try {
      lines = readFileSync(join(this.folder, "index"), "utf8").split("\n");
    } catch {
      return known;
    }
    if (lines[0] !== indexHead) return known;
    for (const line of lines.slice(1)) {
      const [id, size, time] = line.split(" ");
      if (idPattern.test(id)) known.set(id, { size: Number(size), time: Number(time) });
    }
    return known;
  }

  private writeIndex(): void {
    const lines = [...this.verified].map(([id, { size, time }]) => `${id} ${size} ${time}`);
    writeAtomically(join(this.folder, "index"), `${[indexHead, ...lines].join("\n")}\n`);
    this.indexStale = false;
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw error;
  }
}

function readJson<T>(path: string, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.safeParse(JSON.parse(readFileSync(path, "utf8"))).data;
  } catch {
    return undefined;
  }
}

function parseEntry(line: string): JournalEntry | undefined {
  try {
    return entrySchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

function fail(error: unknown): never {
  throw error;
}

/** Results of tasks by identity, as their records hold them. */
export function inputsOf(store: RunStore, task: Task): Json[] | undefined {
  const results: Json[] = [];
  for (const id of task.needs) {
    const record = store.get(id);
    if (!record) return undefined;
    results.push(record.result);
  }
  return results;
}
