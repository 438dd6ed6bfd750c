import { basename, extname, resolve } from "node:path";
import { TwotempError } from "../errors.js";
import type { Dataset, Provenance } from "./dataset.js";
import { loadFile } from "./files.js";
import { labelledDataset, type HoldOutOptions, type LabelledExamples } from "./labelled.js";

/** How a table becomes a data set. */
export interface TableOptions extends HoldOutOptions {
  readonly name?: string;
  /** The column of class labels, by name or by number from 0. Default: the last. */
  readonly label?: string | number;
  /** Columns that are left out, by name or by number from 0. */
  readonly ignore?: readonly (string | number)[];
  /**
   * `"standardised"`: each column minus its training mean, over its training standard deviation; `"raw"`: as it is.
   * Default: standardised, raw if `inputShape` is that of an image.
   */
  readonly columns?: "standardised" | "raw";
  /** Shape of an example, default `[number of feature columns]`; for pixels `[height, width, channels]`. */
  readonly inputShape?: readonly number[];
  /** The largest value of raw columns, which a picture shows as white, default 1; values are divided by it. */
  readonly rawMaximum?: number;
  readonly provenance?: Omit<Provenance, "files" | "steps">;
}

/** How a CSV file is read. */
export interface CsvOptions extends TableOptions {
  /** A second file for the test split; without one a part of the first is held out. */
  readonly test?: string;
  /** Whether the first line names the columns. Default: it does if none of its features is a number. */
  readonly header?: boolean;
  /** Default: the one of `,` `;` tab `|` that is most frequent in the first line. */
  readonly delimiter?: string;
  readonly signal?: AbortSignal;
}

/** What {@link fromDataFrame} needs of a danfojs DataFrame. */
export interface FrameLike {
  readonly columns: readonly string[];
  readonly values: unknown;
}

/** Rows of cells with the names of their columns; `firstLine` is the file's line of the first row. */
interface Table {
  readonly where: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
  readonly firstLine: number;
}

/**
 * Reads a CSV file, parsed by danfojs, into a data set: numeric features and one column of class labels, which may be text.
 *
 * @throws TwotempError `data/path`, `data/csv` (not CSV, or rows of different lengths), `data/values` (a feature that isn't a
 * number), `data/column`, `data/labels`, `data/classes`, `data/shots`, naming file, line and column
 * @example
 * ```ts
 * const iris = await tt.readCsv("iris.csv", { label: "species" });
 * ```
 */
export async function readCsv(path: string, options: CsvOptions = {}): Promise<Dataset> {
  const train = await readTable(path, options);
  const test = options.test === undefined ? undefined : await readTable(options.test, options);
  const files = [train.file, ...(test ? [test.file] : [])];
  const name = options.name ?? basename(path, extname(path));
  return tableDataset(name, train.table, test?.table, { ...options, files, step: "read from CSV" });
}

/**
 * Makes a data set of a danfojs DataFrame. See {@link readCsv} for the options and errors.
 *
 * @example
 * ```ts
 * const dataset = tt.fromDataFrame(frame, { label: "species" });
 * ```
 */
export function fromDataFrame(frame: FrameLike, options: TableOptions = {}): Dataset {
  const where = options.name ?? "data frame";
  const table = { where, columns: frame.columns, rows: frame.values as unknown[][], firstLine: 1 };
  if (!Array.isArray(frame.values) || !table.rows.every(Array.isArray)) {
    throw new TwotempError("data/csv", `${where}: expected a DataFrame with rows of cells`);
  }
  return tableDataset(where, table, undefined, { ...options, files: [], step: "taken from a DataFrame" });
}

async function readTable(
  path: string,
  options: CsvOptions,
): Promise<{ table: Table; file: Provenance["files"][number] }> {
  const { bytes, record } = await loadFile(path, options.signal);
  const delimiter = options.delimiter ?? guessDelimiter(path, bytes);
  const { readCSV } = await import("danfojs-node");
  let cells: unknown[][];
  try {
    // An absolute path, for danfojs takes one that starts with "http" to the network. Latin-1, for it cuts the file into
    // blocks that may end inside a character of UTF-8; text is decoded below.
    const parsing: object = { header: false, dynamicTyping: false, encoding: "latin1", delimiter };
    const frame = await readCSV(resolve(path), parsing);
    cells = frame.values as unknown[][];
  } catch (error) {
    const reason = String((error as Error).message)
      .split("\n")[0]
      .slice(0, 200);
    throw new TwotempError("data/csv", `${path}: not a CSV file: ${reason}`, { cause: error });
  }
  const rows = cells.map((row) => row.map((cell) => Buffer.from(String(cell), "latin1").toString("utf8")));
  if (rows.length > 0) rows[0][0] = rows[0][0].replace(/^\ufeff/, "");
  while (rows.length > 0 && isBlank(rows[rows.length - 1])) rows.pop();
  if (rows.length === 0) throw new TwotempError("data/empty", `${path}: the file holds no rows`);
  const header = options.header ?? guessHeader(path, rows[0], options.label);
  const columns = header ? rows[0].map((cell) => cell.trim()) : rows[0].map((_, i) => String(i));
  const table = { where: path, columns, rows: header ? rows.slice(1) : rows, firstLine: header ? 2 : 1 };
  return { table, file: record };
}

function tableDataset(
  name: string,
  train: Table,
  test: Table | undefined,
  options: TableOptions & { files: Provenance["files"]; step: string },
): Dataset {
  const labelColumn = columnOf(train, options.label ?? train.columns.length - 1);
  const ignored = new Set((options.ignore ?? []).map((column) => columnOf(train, column)));
  const features = [...train.columns.keys()].filter((column) => column !== labelColumn && !ignored.has(column));
  if (features.length === 0)
    throw new TwotempError("data/column", `${train.where}: expected a feature beside the label`);
  if (test && String(test.columns) !== String(train.columns)) {
    throw new TwotempError(
      "data/column",
      `${test.where}: expected the columns of ${train.where}: ${train.columns.join(", ")}`,
    );
  }
  const inputShape = options.inputShape ?? [features.length];
  const size = inputShape.reduce((product, length) => product * length, 1);
  if (size !== features.length) {
    throw new TwotempError(
      "data/shape",
      `${train.where}: shape [${inputShape}] needs ${size} feature columns, found ${features.length}`,
    );
  }
  const read = (table: Table): LabelledExamples => readCells(table, features, labelColumn);
  const raw = (options.columns ?? (inputShape.length === 3 ? "raw" : "standardised")) === "raw";
  const dataset = labelledDataset(
    train.where,
    {
      name,
      inputShape,
      inputNames: features.map((column) => train.columns[column]),
      train: read(train),
      test: test && read(test),
      rawMaximum: raw ? options.rawMaximum : 1,
      provenance: {
        ...(options.provenance ?? { source: name, licence: "not stated", citation: "none given" }),
        files: options.files,
        steps: [options.step],
      },
    },
    options,
  );
  return raw ? dataset : dataset.standardisedColumns();
}

function readCells(table: Table, features: readonly number[], labelColumn: number): LabelledExamples {
  const { where, columns, rows, firstLine } = table;
  const inputs = new Float32Array(rows.length * features.length);
  const labels = rows.map((row, r) => {
    const line = `${where}, line ${firstLine + r}`;
    if (row.length !== columns.length) {
      throw new TwotempError("data/csv", `${line}: expected ${columns.length} cells, found ${row.length}`);
    }
    features.forEach((column, f) => {
      const value = numberOf(row[column]);
      if (!Number.isFinite(Math.fround(value))) {
        throw new TwotempError(
          "data/values",
          `${line}, column "${columns[column]}": expected a number, found ${shown(row[column])}; ${advice(row[column])}`,
        );
      }
      inputs[r * features.length + f] = value;
    });
    return labelOf(row[labelColumn], `${line}, column "${columns[labelColumn]}"`);
  });
  return { inputs, labels };
}

/** What to do about a cell that holds no number. */
function advice(cell: unknown): string {
  const text = String(cell ?? "").trim();
  if (text === "") return "fill the cell or leave the row out";
  if (/^[+-]?\d*,\d+$/.test(text)) return "decimals are written with a point";
  return "a column without numbers goes into ignore";
}

function labelOf(cell: unknown, where: string): string {
  const text = typeof cell === "string" ? cell.trim() : typeof cell === "number" ? String(cell) : "";
  if (text === "") throw new TwotempError("data/labels", `${where}: expected a class label, found ${shown(cell)}`);
  const value = numberOf(text);
  if (Number.isFinite(value) && !Number.isInteger(value)) {
    throw new TwotempError("data/labels", `${where}: expected a class label, found the number ${text}`);
  }
  return text;
}

/** The number that a cell spells, or NaN. */
function numberOf(cell: unknown): number {
  if (typeof cell === "number") return cell;
  return typeof cell === "string" && /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(cell) ? Number(cell) : NaN;
}

function columnOf(table: Table, column: string | number): number {
  const index = typeof column === "number" ? column : table.columns.indexOf(column);
  if (!Number.isInteger(index) || index < 0 || index >= table.columns.length) {
    const { columns } = table;
    const known = columns.slice(0, 20).join(", ") + (columns.length > 20 ? ` and ${columns.length - 20} more` : "");
    const numbers = columns.filter((name) => Number.isFinite(numberOf(name))).length;
    const bare = table.firstLine === 2 && numbers > columns.length / 2;
    const hint = bare ? "; the first line holds numbers: if it is no header, give the column's number, from 0 on" : "";
    throw new TwotempError(
      "data/column",
      `${table.where}: no column ${JSON.stringify(column)}; columns are ${known}${hint}`,
    );
  }
  if (typeof column === "string" && table.columns.lastIndexOf(column) !== index) {
    throw new TwotempError(
      "data/column",
      `${table.where}: several columns are called ${JSON.stringify(column)}; give its number`,
    );
  }
  return index;
}

function guessHeader(path: string, first: readonly string[], label: string | number | undefined): boolean {
  if (typeof label === "string") return true;
  const labelColumn = label ?? first.length - 1;
  const features = first.filter((_, column) => column !== labelColumn);
  const numbers = features.filter((cell) => Number.isFinite(numberOf(cell))).length;
  if (numbers > 0 && numbers < features.length) {
    throw new TwotempError(
      "data/csv",
      `${path}, line 1: expected numbers or column names, found both; say header: true or header: false`,
    );
  }
  return numbers === 0;
}

function guessDelimiter(path: string, bytes: Buffer): string {
  const end = bytes.indexOf("\n");
  const line = bytes.toString("latin1", 0, end === -1 ? bytes.length : end);
  const counts = [",", ";", "\t", "|"].map((delimiter) => ({ delimiter, count: line.split(delimiter).length - 1 }));
  const best = counts.reduce((a, b) => (b.count > a.count ? b : a));
  if (best.count === 0) {
    throw new TwotempError("data/csv", `${path}, line 1: expected at least 2 cells between , ; tab or |, found 1`);
  }
  return best.delimiter;
}

function isBlank(row: readonly string[]): boolean {
  return row.length === 1 && row[0].trim() === "";
}

function shown(cell: unknown): string {
  return cell === "" || cell === undefined || cell === null ? "nothing" : JSON.stringify(String(cell).slice(0, 40));
}
