import { stat } from "node:fs/promises";
import { extname, relative } from "node:path";
import { TwotempError } from "../errors.js";
import { projectRoot } from "../project.js";
import { readCsv, type CsvOptions } from "./csv.js";
import type { Dataset } from "./dataset.js";
import { readImages, type ImageFolderOptions } from "./images.js";
import { readParquet, type ParquetOptions } from "./parquet.js";

/** Options of {@link readCsv}, {@link readImages} or {@link readParquet}, whichever the path asks for. */
export type OpenOptions = CsvOptions | ImageFolderOptions | ParquetOptions;

const shared = ["name", "testFraction", "seed", "provenance", "signal", "onProgress"];
const pictures = ["size", "channels", "background"];

/** What a path may be, how it is read, and the options that make sense for it. */
const readers = {
  "a table": {
    read: (path: string, options: OpenOptions): Promise<Dataset> => readCsv(path, options as CsvOptions),
    options: ["label", "ignore", "columns", "inputShape", "rawMaximum", "test", "header", "delimiter"],
  },
  "a folder of pictures": {
    read: (path: string, options: OpenOptions): Promise<Dataset> => readImages(path, options as ImageFolderOptions),
    options: pictures,
  },
  "a Parquet file": {
    read: (path: string, options: OpenOptions): Promise<Dataset> =>
      readParquet({ train: path }, options as ParquetOptions),
    options: [...pictures, "image", "label", "classNames"],
  },
} as const;

/**
 * Reads a data set from a path: a CSV file (`.csv`, `.tsv`, `.txt`) by {@link readCsv}, a Parquet file of pictures
 * (`.parquet`) by {@link readParquet}, a folder of pictures by {@link readImages}.
 *
 * @param options - those of the reader; stopped by their `signal`, or by a notebook's Stop button, it gives no data set
 * @throws TwotempError `data/path` if nothing is there or it is of another kind, `data/option` for an option that the reader
 * doesn't have, and the errors of the reader
 * @example
 * ```ts
 * const flowers = await tt.openData("flowers.csv", { label: "species" });
 * const mushrooms = await tt.openData("mushrooms", { size: 32, channels: 3 });
 * ```
 */
export async function openData(path: string, options: OpenOptions = {}): Promise<Dataset> {
  const kind = await kindOf(path);
  const reader = readers[kind];
  const known: readonly string[] = [...reader.options, ...shared];
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const expected = reader.options.join(", ");
    throw new TwotempError("data/option", `${path} is ${kind}, which is read with ${expected}; got "${unknown}"`);
  }
  return reader.read(path, options);
}

async function kindOf(path: string): Promise<keyof typeof readers> {
  const found = await stat(path).catch(() => undefined);
  if (!found) {
    const here = relative(projectRoot, process.cwd()) || "the project's folder";
    throw new TwotempError("data/path", `${path}: no such file or folder; relative paths start in ${here}`);
  }
  if (found.isDirectory()) return "a folder of pictures";
  const extension = extname(path).toLowerCase();
  if (extension === ".parquet") return "a Parquet file";
  if ([".csv", ".tsv", ".txt"].includes(extension)) return "a table";
  throw new TwotempError(
    "data/path",
    `${path}: expected a table (.csv, .tsv, .txt), a Parquet file (.parquet) or a folder of pictures`,
  );
}
