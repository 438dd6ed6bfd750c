import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { basename } from "node:path";
import { promisify } from "node:util";
import * as zlib from "node:zlib";
import { TwotempError } from "../errors.js";
import type { DataFile } from "./dataset.js";

/** Deflate can't shrink more than this. */
const largestRatio = 1032;
/** Enough for any gzip header and the first bytes behind it. */
const headBytes = 4096;
const inflateChunk = 1 << 20;

/** A file's content with the record that goes into the provenance. */
export interface LoadedFile {
  readonly path: string;
  readonly bytes: Buffer;
  readonly record: DataFile;
}

/**
 * Reads a whole file.
 *
 * @throws TwotempError `data/path` if it isn't a readable file, `data/empty` if it holds nothing
 */
export async function loadFile(path: string, signal?: AbortSignal): Promise<LoadedFile> {
  await requireFile(path);
  let bytes: Buffer;
  try {
    bytes = await readFile(path, { signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new TwotempError("data/path", `${path}: can't be read: ${(error as Error).message}`, { cause: error });
  }
  if (bytes.length === 0) throw new TwotempError("data/empty", `${path}: the file is empty`);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { path, bytes, record: { name: basename(path), bytes: bytes.length, sha256 } };
}

/** Hashes a file without holding it whole. Throws `data/path` unless it is a readable file. */
export async function hashFile(path: string, signal?: AbortSignal): Promise<DataFile> {
  await requireFile(path);
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of createReadStream(path, { signal })) {
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
  }
  return { name: basename(path), bytes, sha256: hash.digest("hex") };
}

/** Throws `data/path` unless `path` is a file. */
export async function requireFile(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new TwotempError("data/path", `${path}: no such file`);
  if (!found.isFile()) throw new TwotempError("data/path", `${path}: expected a file, found a folder`);
}

/** Whether the bytes start as gzip does. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * Inflates a gzip file of which the first bytes tell the size, and never more than that size.
 *
 * @param expectedSize - given the first inflated bytes, the whole inflated size
 * @throws TwotempError `data/gzip` if the stream is corrupt or cut, `data/size` if it holds more or less than expected
 */
export async function inflate(
  path: string,
  compressed: Buffer,
  expectedSize: (head: Buffer) => number,
): Promise<Buffer> {
  const head = zlibOf(path, () =>
    zlib.gunzipSync(compressed.subarray(0, headBytes), {
      finishFlush: zlib.constants.Z_SYNC_FLUSH,
      maxOutputLength: headBytes * largestRatio,
    }),
  );
  const size = expectedSize(head);
  if (size > compressed.length * largestRatio) {
    throw new TwotempError(
      "data/size",
      `${path}: the header promises ${size} bytes, more than ${compressed.length} compressed bytes can hold`,
    );
  }
  let inflated: Buffer;
  let consumed: number;
  try {
    const options = { maxOutputLength: size, chunkSize: Math.min(inflateChunk, Math.max(64, size)), info: true };
    const result = (await promisify(zlib.gunzip)(compressed, options)) as unknown as {
      buffer: Buffer;
      engine: zlib.Gunzip;
    };
    inflated = result.buffer;
    consumed = result.engine.bytesWritten;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") {
      throw new TwotempError("data/size", `${path}: holds more than the ${size} bytes that its header promises`);
    }
    throw corrupt(path, error);
  }
  if (inflated.length !== size) {
    throw new TwotempError("data/size", `${path}: holds ${inflated.length} bytes, its header promises ${size}`);
  }
  if (consumed !== compressed.length) {
    throw new TwotempError(
      "data/gzip",
      `${path}: expected the gzip data to end the file, other bytes follow at ${consumed}`,
    );
  }
  return inflated;
}

function zlibOf(path: string, work: () => Buffer): Buffer {
  try {
    return work();
  } catch (error) {
    throw corrupt(path, error);
  }
}

function corrupt(path: string, error: unknown): TwotempError {
  return new TwotempError("data/gzip", `${path}: not a whole gzip file: ${(error as Error).message}`, { cause: error });
}
