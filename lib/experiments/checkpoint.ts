import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { TwotempError } from "../errors.js";
import { isPlainObject } from "./canonical.js";
import { guarded, writeAtomically } from "./files.js";

const arrayTypes = {
  Uint8Array,
  Int8Array,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  Float32Array,
  Float64Array,
} as const;
type ArrayType = keyof typeof arrayTypes;
type NumericArray = InstanceType<(typeof arrayTypes)[ArrayType]>;

const magic = Buffer.from("twotemp checkpoint 1\n");
const hashBytes = 32;
/** Nesting beyond this is refused, so that no input can exhaust the stack. */
const deepest = 100;

const invalid = (path: string, what: string): TwotempError =>
  new TwotempError("experiments/checkpoint", `${path}: ${what}`);

/**
 * What JSON can't say is tagged: `["array", type, length]` takes its numbers from the payload, `["number", text]` is NaN,
 * an infinity or -0, `["undefined"]` is undefined, `["list", items]` is an array.
 */
function encode(value: unknown, payload: Uint8Array[], at: string, depth: number): unknown {
  if (depth > deepest) throw invalid(at, `nested deeper than ${deepest}`);
  if (value === undefined) return ["undefined"];
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") {
    return Number.isFinite(value) && !Object.is(value, -0)
      ? value
      : ["number", Object.is(value, -0) ? "-0" : `${value}`];
  }
  if (typeof value === "object" && ArrayBuffer.isView(value)) {
    const type = Object.prototype.toString.call(value).slice(8, -1);
    if (!Object.hasOwn(arrayTypes, type)) throw invalid(at, `can't hold a ${type}`);
    payload.push(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
    return ["array", type, (value as NumericArray).length];
  }
  if (Array.isArray(value)) {
    return ["list", value.map((item, i) => encode(item, payload, `${at}[${i}]`, depth + 1))];
  }
  if (isPlainObject(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, encode(item, payload, `${at}.${key}`, depth + 1)]),
    );
  }
  throw invalid(
    at,
    `can't hold ${typeof value === "object" ? "this kind of object" : `a ${typeof value}`}; plain data only`,
  );
}

function decode(value: unknown, payload: { bytes: Buffer; offset: number }, path: string, depth: number): unknown {
  if (depth > deepest) throw invalid(path, `nested deeper than ${deepest}`);
  if (value === null || ["string", "boolean", "number"].includes(typeof value)) return value;
  if (Array.isArray(value)) {
    const [tag, ...rest] = value as unknown[];
    if (tag === "undefined" && rest.length === 0) return undefined;
    if (tag === "number" && rest.length === 1 && ["NaN", "Infinity", "-Infinity", "-0"].includes(rest[0] as string)) {
      return Number(rest[0]);
    }
    if (tag === "list" && rest.length === 1 && Array.isArray(rest[0])) {
      return rest[0].map((item) => decode(item, payload, path, depth + 1));
    }
    const [type, length] = rest as [ArrayType, number];
    if (tag === "array" && Object.hasOwn(arrayTypes, type) && Number.isSafeInteger(length) && length >= 0) {
      const Type = arrayTypes[type];
      const end = payload.offset + length * Type.BYTES_PER_ELEMENT;
      if (end > payload.bytes.length) throw invalid(path, `promises more numbers than it holds`);
      const bytes = payload.bytes.subarray(payload.offset, end);
      payload.offset = end;
      // A copy is aligned, and doesn't keep the whole file in memory.
      return new Type(Uint8Array.from(bytes).buffer);
    }
  }
  if (typeof value === "object" && !Array.isArray(value)) {
    // fromEntries makes an own property of "__proto__" too.
    return Object.fromEntries(
      Object.entries(value as object).map(([key, item]) => [key, decode(item, payload, path, depth + 1)]),
    );
  }
  throw invalid(path, "its header isn't that of a checkpoint");
}

/** The bytes of a checkpoint: magic line, length of the header, header (JSON), payload (numbers), SHA-256 of all. */
export function encodeCheckpoint(data: unknown): Buffer {
  const payload: Uint8Array[] = [];
  const header = Buffer.from(JSON.stringify(encode(data, payload, "checkpoint", 0)));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(header.length);
  const body = Buffer.concat([magic, length, header, ...payload]);
  return Buffer.concat([body, createHash("sha256").update(body).digest()]);
}

/**
 * The data of a checkpoint's bytes.
 *
 * @throws TwotempError `experiments/checkpoint` if they are torn, edited, or not a checkpoint of this version
 */
export function decodeCheckpoint(bytes: Buffer, path: string): unknown {
  if (bytes.length < magic.length + 4 + hashBytes || !bytes.subarray(0, magic.length).equals(magic)) {
    throw invalid(path, `not a checkpoint: expected it to start with "${magic.toString().trim()}"`);
  }
  const body = bytes.subarray(0, -hashBytes);
  if (!createHash("sha256").update(body).digest().equals(bytes.subarray(-hashBytes))) {
    throw invalid(path, "its content doesn't match its hash: it is torn or was edited");
  }
  const start = magic.length + 4;
  const end = start + body.readUInt32LE(magic.length);
  if (end > body.length) throw invalid(path, "its header is longer than the file");
  let header: unknown;
  try {
    header = JSON.parse(body.subarray(start, end).toString());
  } catch {
    throw invalid(path, "its header isn't JSON");
  }
  const payload = { bytes: body.subarray(end), offset: 0 };
  const data = decode(header, payload, path, 0);
  if (payload.offset !== payload.bytes.length) throw invalid(path, "it holds more numbers than its header promises");
  return data;
}

const previous = (path: string): string => `${path}.previous`;

/**
 * Saves data so that it can be loaded again exactly, whenever the process dies.
 *
 * The new checkpoint is written beside the old one, flushed, and takes its name by a rename; the old one stays as
 * `PATH.previous`. Numbers keep every bit, NaN, infinities and -0 among them.
 *
 * @param path - of the checkpoint file; its folder is made
 * @param data - plain data: objects, arrays, strings, numbers, booleans, null, undefined and typed arrays
 * @throws TwotempError `experiments/checkpoint` for data that it can't hold, `experiments/disk-full`,
 *   `experiments/read-only`; the earlier checkpoint is still there then
 * @example
 * ```ts
 * saveCheckpoint("runs/mine/search.checkpoint", search.checkpoint());
 * ```
 */
export function saveCheckpoint(path: string, data: unknown): void {
  writeAtomically(path, encodeCheckpoint(data), () => {
    try {
      renameSync(path, previous(path));
    } catch (error) {
      // There is none yet, or another process that does the same task was faster.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  });
}

/**
 * Loads the last good checkpoint.
 *
 * A torn or edited one is renamed to `PATH.torn` and the one before it is loaded.
 *
 * @param path - as given to {@link saveCheckpoint}
 * @returns the data, or undefined if there is no good checkpoint
 * @example
 * ```ts
 * const checkpoint = loadCheckpoint("runs/mine/search.checkpoint");
 * ```
 */
export function loadCheckpoint(path: string): unknown {
  for (const candidate of [path, previous(path)]) {
    if (!existsSync(candidate)) continue;
    try {
      return decodeCheckpoint(
        guarded(candidate, () => readFileSync(candidate)),
        candidate,
      );
    } catch (error) {
      if (!(error instanceof TwotempError) || error.code !== "experiments/checkpoint") throw error;
      guarded(candidate, () => renameSync(candidate, `${path}.torn`));
    }
  }
  return undefined;
}

/** Removes a checkpoint and the one before it. */
export function removeCheckpoint(path: string): void {
  for (const file of [path, previous(path)]) guarded(file, () => rmSync(file, { force: true }));
}
