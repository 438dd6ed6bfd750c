import { parentPort } from "node:worker_threads";
import zlib from "node:zlib";

/** A task of the decoder's thread. */
export type DecoderTask =
  | { kind: "picture"; bytes: Uint8Array; height?: number; width?: number }
  | { kind: "parquet-head"; path: string }
  | { kind: "parquet-rows"; path: string; image: string; label: string; rowStart: number; rowEnd: number };

/** What a task ends in; "started" comes before it, once the decoders are loaded. */
export type DecoderReply = { value: unknown } | { error: string };

/** Pixels as bytes of red, green, blue and alpha. */
export interface DecodedPicture {
  readonly width: number;
  readonly height: number;
  readonly rgba: Uint8Array;
}

/** What a Parquet file says of itself. */
export interface ParquetHead {
  readonly bytes: number;
  /** Rows of each group, read one group at a time. */
  readonly groupRows: readonly number[];
  readonly columns: readonly { name: string; isStruct: boolean; isBinary: boolean; isWhole: boolean }[];
  /** The data hub's description of the columns (JSON), where the file has one. */
  readonly description: string | undefined;
}

/** Rows of a Parquet file: encoded pictures (null where there is none) and labels. */
export interface ParquetRows {
  readonly pictures: readonly (Uint8Array | null)[];
  readonly labels: readonly (string | number | null)[];
}

/** Snappy can't shrink more than this: a copy of 64 bytes takes 3. */
const snappyRatio = 22;
const deflateRatio = 1032;
const { inflateSync } = zlib;

async function run(task: DecoderTask): Promise<unknown> {
  if (task.kind === "picture") return decode(task);
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema, snappyUncompress } =
    await import("hyparquet");
  parentPort?.postMessage("started");
  const file = await asyncBufferFromFile(task.path);
  if (task.kind === "parquet-head") {
    const metadata = await parquetMetadataAsync(file);
    const columns = parquetSchema(metadata).children.map(({ element, children }) => ({
      name: element.name,
      isStruct: children.some((child) => child.element.name === "bytes"),
      isBinary: element.type === "BYTE_ARRAY" && element.converted_type !== "UTF8",
      isWhole: element.type === "INT32" || element.type === "INT64",
    }));
    const groupRows = metadata.row_groups.map((group) => Number(group.num_rows));
    const description = metadata.key_value_metadata?.find((entry) => entry.key === "huggingface")?.value;
    return { bytes: file.byteLength, groupRows, columns, description } satisfies ParquetHead;
  }
  const { image, label, rowStart, rowEnd } = task;
  const rows = await parquetReadObjects({
    file,
    columns: [image, label],
    rowStart,
    rowEnd,
    utf8: false,
    compressors: {
      SNAPPY: (input, size) => {
        const output = new Uint8Array(requireRatio(size, input.length, snappyRatio));
        snappyUncompress(input, output);
        return output;
      },
      GZIP: (input, size) =>
        zlib.gunzipSync(input, { maxOutputLength: Math.max(1, requireRatio(size, input.length, deflateRatio)) }),
      BROTLI: (input, size) => zlib.brotliDecompressSync(input, { maxOutputLength: Math.max(1, size) }),
    },
  });
  return {
    pictures: rows.map((row) => encodedPicture(row[image])),
    labels: rows.map((row) => plainLabel(row[label])),
  } satisfies ParquetRows;
}

async function decode(task: { bytes: Uint8Array; height?: number; width?: number }): Promise<DecodedPicture> {
  const { Jimp } = await import("jimp");
  parentPort?.postMessage("started");
  boundInflation(task.bytes);
  const image = await Jimp.fromBuffer(Buffer.from(task.bytes));
  if (task.width !== undefined && task.height !== undefined) image.resize({ w: task.width, h: task.height });
  const { width, height, data } = image.bitmap;
  if (data.length !== 4 * width * height) throw new Error(`${data.length} bytes for ${width} x ${height} pixels`);
  return { width, height, rgba: new Uint8Array(data) };
}

/** pngjs inflates all that an interlaced PNG holds, however large: no more than 8 bytes a pixel are right. */
function boundInflation(bytes: Uint8Array): void {
  if (bytes.length < 24) return;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const maxOutputLength = 8 * view.getUint32(16) * view.getUint32(20) + 2 ** 20;
  Object.assign(zlib, { inflateSync: (data: zlib.InputType) => inflateSync(data, { maxOutputLength }) });
}

function requireRatio(size: number, compressed: number, ratio: number): number {
  if (size > ratio * (compressed + 64)) throw new Error(`a page promises ${size} bytes in ${compressed}`);
  return size;
}

function encodedPicture(cell: unknown): Uint8Array | null {
  // Data hubs store { bytes, path }. Only the bytes are used: a path in a file is never opened.
  const bytes = cell instanceof Uint8Array ? cell : (cell as { bytes?: unknown } | null | undefined)?.bytes;
  return bytes instanceof Uint8Array ? new Uint8Array(bytes) : null;
}

function plainLabel(cell: unknown): string | number | null {
  if (cell instanceof Uint8Array) return Buffer.from(cell).toString("utf8");
  // Numbers beyond 2^53 would fall together.
  if (typeof cell === "bigint") return Number.isSafeInteger(Number(cell)) ? Number(cell) : String(cell);
  if (typeof cell === "boolean") return String(cell);
  return typeof cell === "string" || typeof cell === "number" ? cell : null;
}

parentPort?.on("message", (task: DecoderTask) => {
  run(task).then(
    (value) => parentPort?.postMessage({ value } satisfies DecoderReply),
    (error: unknown) => {
      const message = String((error as Error | undefined)?.message ?? error);
      parentPort?.postMessage({ error: message.split("\n")[0].slice(0, 200) } satisfies DecoderReply);
    },
  );
});
