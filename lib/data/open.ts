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

/**
 * Reads a data set from a path: a CSV file (`.csv`, `.tsv`, `.txt`) by {@link readCsv}, a Parquet file of pictures
 * (`.parquet`) by {@link readParquet}, a folder of pictures by {@link readImages}.
 *
 * @param options - those of the reader; stopped by their `signal`, or by a notebook's Stop button, it gives no data set
 * @throws TwotempError `data/path` if nothing is there or it is of another kind, and the errors of the reader, such as
 * `data/option` for an option that it doesn't have
 * @example
 * ```ts
 * const flowers = await tt.openData("flowers.csv", { label: "species" });
 * const mushrooms = await tt.openData("mushrooms", { size: 32, channels: 3 });
 * ```
 */
export async function openData(path: string, options: OpenOptions = {}): Promise<Dataset> {
  const found = await stat(path).catch(() => undefined);
  if (!found) {
    const here = relative(projectRoot, process.cwd()) || "the project's folder";
    throw new TwotempError("data/path", `${path}: no such file or folder; relative paths start in ${here}`);
  }
  if (found.isDirectory()) return readImages(path, options as ImageFolderOptions);
  const extension = extname(path).toLowerCase();
  if (extension === ".parquet") return readParquet({ train: path }, options as ParquetOptions);
  if ([".csv", ".tsv", ".txt"].includes(extension)) return readCsv(path, options as CsvOptions);
  throw new TwotempError(
    "data/path",
    `${path}: expected a table (.csv, .tsv, .txt), a Parquet file (.parquet) or a folder of pictures`,
  );
}
