import { basename, extname } from "node:path";
import { TwotempError } from "../errors.js";
import { interruptible } from "../interrupt.js";
import { ProgressMeter, type WorkOptions } from "../progress.js";
import type { DataFile, Dataset, Provenance } from "./dataset.js";
import { readParquetHead, readParquetRows } from "./decoder.js";
import type { ParquetHead } from "./decoder-worker.js";
import { hashFile } from "./files.js";
import { pictureStep } from "./images.js";
import { labelledDataset, type HoldOutOptions } from "./labelled.js";
import { checkOptions } from "./options.js";
import { PictureCollector, type PictureOptions } from "./pictures.js";

/** The Parquet files of a data set; without `test` a part of `train` is held out. */
export interface ParquetFiles {
  readonly train: string | readonly string[];
  readonly test?: string | readonly string[];
}

/** How Parquet files are read. */
export interface ParquetOptions extends PictureOptions, HoldOutOptions, WorkOptions {
  readonly name?: string;
  /** The column of encoded pictures. Default: the only one that holds bytes. */
  readonly image?: string;
  /** The column of class labels, whole numbers or text. Default `"label"`. */
  readonly label?: string;
  /** Names of whole-number labels from 0. Default: as the file's description says, else the numbers. */
  readonly classNames?: readonly string[];
  readonly provenance?: Omit<Provenance, "files" | "steps">;
}

/** No picture file is smaller, so that no file has more rows than this allows. */
const smallestPicture = 26;

/**
 * Reads images from Parquet files as data hubs ship them: a column of encoded pictures (bytes, or `{ bytes, path }`) and one
 * of labels. Paths in a file are never opened. Compression: none, Snappy, gzip or Brotli.
 *
 * @throws TwotempError `data/path`, `data/decode` (not Parquet), `data/column`, `data/labels`, and those of {@link readImages}
 * @example
 * ```ts
 * await tt.readParquet({ train: "train-00000-of-00001.parquet", test: "test-00000-of-00001.parquet" }, { size: 28 });
 * ```
 */
export async function readParquet(files: ParquetFiles, options: ParquetOptions = {}): Promise<Dataset> {
  checkOptions([files.train].flat()[0], "a Parquet file", options);
  return interruptible(options.signal, (signal) => readFiles(files, { ...options, signal }));
}

async function readFiles(files: ParquetFiles, options: ParquetOptions): Promise<Dataset> {
  const { signal } = options;
  const trainPaths = [files.train].flat();
  const testPaths = files.test === undefined ? [] : [files.test].flat();
  const paths = [...trainPaths, ...testPaths];
  if (trainPaths.length === 0) throw new TwotempError("data/path", "expected at least one Parquet file for training");
  const records: DataFile[] = [];
  for (const path of paths) records.push(await hashFile(path, signal));
  const heads: ParquetHead[] = [];
  for (const path of paths) heads.push(checkedHead(path, await readParquetHead(path, signal)));
  const rowCount = heads.reduce((sum, head) => sum + total(head.groupRows), 0);
  const meter = new ProgressMeter("reading pictures", rowCount, options.onProgress);
  const collector = new PictureCollector(options);
  const labels: string[] = [];
  let classNames: readonly string[] | undefined;
  let trainRows = 0;
  for (const [i, path] of paths.entries()) {
    const columns = chooseColumns(path, heads[i], options);
    classNames ??= options.classNames ?? describedNames(heads[i].description, columns.label);
    let rowStart = 0;
    for (const count of heads[i].groupRows) {
      const rows = await readParquetRows(path, { ...columns, rowStart, rowEnd: rowStart + count }, signal);
      for (const [at, picture] of rows.pictures.entries()) {
        const where = `${path}, row ${rowStart + at}`;
        if (picture === null) {
          throw new TwotempError(
            "data/picture",
            `${where}, column "${columns.image}": expected the bytes of a picture, found none`,
          );
        }
        labels.push(labelName(rows.labels[at], `${where}, column "${columns.label}"`, classNames));
        await collector.add(where, picture, signal);
        meter.report(labels.length);
      }
      rowStart += count;
    }
    if (i < trainPaths.length) trainRows = labels.length;
  }
  if (trainRows === 0) throw new TwotempError("data/empty", `${trainPaths[0]}: the file holds no rows`);
  const { inputShape, inputs } = collector.collect();
  const boundary = trainRows * inputShape.reduce((product, size) => product * size, 1);
  const name = options.name ?? basename(trainPaths[0], extname(trainPaths[0]));
  return labelledDataset(
    trainPaths[0],
    {
      name,
      inputShape,
      classNames,
      train: { inputs: inputs.subarray(0, boundary), labels: labels.slice(0, trainRows) },
      test: testPaths.length ? { inputs: inputs.subarray(boundary), labels: labels.slice(trainRows) } : undefined,
      provenance: {
        ...(options.provenance ?? { source: name, licence: "not stated", citation: "none given" }),
        files: records,
        steps: [pictureStep("read from Parquet", options)],
      },
    },
    options,
  );
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

function checkedHead(path: string, head: ParquetHead): ParquetHead {
  const rows = total(head.groupRows);
  if (!head.groupRows.every((count) => Number.isInteger(count) && count >= 0) || rows * smallestPicture > head.bytes) {
    throw new TwotempError(
      "data/size",
      `${path}: its metadata promises ${rows} pictures, more than ${head.bytes} bytes can hold`,
    );
  }
  return head;
}

function chooseColumns(path: string, head: ParquetHead, options: ParquetOptions): { image: string; label: string } {
  const names = head.columns.map(({ name }) => name);
  const { label = "label" } = options;
  const candidates = head.columns.filter(({ isStruct, isBinary }) => isStruct || isBinary).map(({ name }) => name);
  const image = options.image ?? (candidates.length === 1 ? candidates[0] : undefined);
  if (image === undefined || !candidates.includes(image)) {
    throw new TwotempError(
      "data/column",
      `${path}: expected a column of pictures as bytes; give image, one of ${(candidates.length ? candidates : names).join(", ")}`,
    );
  }
  if (!names.includes(label)) {
    throw new TwotempError("data/column", `${path}: no column "${label}"; give label, one of ${names.join(", ")}`);
  }
  return { image, label };
}

/** Class names from the description that the hub "huggingface" writes into its files. */
function describedNames(description: string | undefined, label: string): string[] | undefined {
  if (description === undefined) return undefined;
  try {
    const features = new Map(Object.entries(JSON.parse(description)?.info?.features ?? {}));
    const names = (features.get(label) as { names?: unknown } | undefined)?.names;
    return Array.isArray(names) && names.every((name) => typeof name === "string") ? names : undefined;
  } catch {
    return undefined;
  }
}

function labelName(label: string | number | null, where: string, names: readonly string[] | undefined): string {
  if (typeof label === "string" && label !== "" && (!names || names.includes(label))) return label;
  if (typeof label === "number" && Number.isInteger(label)) {
    const name = names ? names[label] : String(label);
    if (name !== undefined) return name;
  }
  const expected = names ? `a label from 0 to ${names.length - 1}` : "a whole number or text";
  throw new TwotempError("data/labels", `${where}: expected ${expected}, found ${JSON.stringify(label)}`);
}
