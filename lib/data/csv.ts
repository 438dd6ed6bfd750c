import { createReadStream } from "node:fs";
import { basename, extname } from "node:path";
import { createInterface } from "node:readline";
import { pipeline, Transform, type TransformCallback } from "node:stream";
import { TwotempError } from "../errors.js";
import { interruptible } from "../interrupt.js";
import type { Dataset, Provenance } from "./dataset.js";
import { hashFile, isGzip } from "./files.js";
import { labelledDataset, type HoldOutOptions, type LabelledExamples } from "./labelled.js";
import { checkOptions } from "./options.js";

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

/** Of Papa Parse, which ships without types, what is used here. */
interface Papa {
  parse(
    stream: Transform,
    config: {
      delimiter: string;
      chunk(results: { data: string[][]; errors: { message: string }[] }): void;
      error(error: Error): void;
      complete(): void;
    },
  ): void;
}

const blockBytes = 1 << 20;
/** No row is longer; where one is, a quote was left open, and the parser would go over the same text again and again. */
const largestRow = 16 * blockBytes;

/**
 * Reads a CSV file, parsed row by row with Papa Parse, into a data set: numeric features and one column of class labels,
 * which may be text.
 *
 * @throws TwotempError `data/path`, `data/option`, `data/csv` (not CSV, not UTF-8, or rows of different lengths), `data/values` (a
 * feature that isn't a number), `data/column`, `data/labels`, `data/classes`, `data/shots`, naming file, line and column
 * @example
 * ```ts
 * const iris = await tt.readCsv("iris.csv", { label: "species" });
 * ```
 */
export async function readCsv(path: string, options: CsvOptions = {}): Promise<Dataset> {
  checkOptions(path, "a table", options);
  return interruptible(options.signal, (signal) => readTables(path, { ...options, signal }));
}

async function readTables(path: string, options: CsvOptions): Promise<Dataset> {
  const train = await readTable(path, options);
  const test = options.test === undefined ? undefined : await readTable(options.test, options, train.table);
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
  checkOptions(where, "a DataFrame", options);
  const rows = frame.values as unknown[][];
  if (!Array.isArray(rows) || !rows.every(Array.isArray)) {
    throw new TwotempError("data/csv", `${where}: expected a DataFrame with rows of cells`);
  }
  const table = new Table(where, frame.columns, 1, options);
  table.reserve(rows.length);
  for (const row of rows) table.add(row);
  return tableDataset(where, table, undefined, { ...options, files: [], step: "taken from a DataFrame" });
}

/** Rows of cells that become numbers and labels one by one. */
class Table {
  readonly features: readonly number[];
  private readonly labelColumn: number;
  private readonly labels: string[] = [];
  /** One string a class: that of a cell may hold on to the block of text that it was cut from. */
  private readonly classNames = new Map<string, string>();
  private inputs = new Float32Array(0);
  /** What is taken off each column before float32 rounds it: the first value of one that will be centred anyway. */
  private readonly origin: Float64Array;
  /** Whether the first row is the origin. */
  private readonly centred: boolean;

  /** `firstLine` is the file's line of the first row; the columns are those of `train` where it is given. */
  constructor(
    readonly where: string,
    readonly columns: readonly string[],
    readonly firstLine: number,
    options: TableOptions,
    train?: Table,
  ) {
    if (train && String(columns) !== String(train.columns)) {
      const expected = train.columns.join(", ");
      throw new TwotempError("data/column", `${where}: expected the columns of ${train.where}: ${expected}`);
    }
    this.labelColumn = columnOf(this, options.label ?? columns.length - 1);
    const ignored = new Set((options.ignore ?? []).map((column) => columnOf(this, column)));
    this.features = [...columns.keys()].filter((column) => column !== this.labelColumn && !ignored.has(column));
    const unnamed = this.features.find((column) => columns[column] === "");
    if (unnamed !== undefined) {
      throw new TwotempError(
        "data/column",
        `${where}, line 1: column ${unnamed} has no name, as a column of row numbers has none; leave it out by ignore: [${unnamed}], or name it`,
      );
    }
    if (this.features.length === 0) {
      throw new TwotempError("data/column", `${where}: expected a feature beside the label`);
    }
    this.origin = train?.origin ?? new Float64Array(this.features.length);
    this.centred = !train && !isRaw(options);
  }

  /** Makes room for so many rows; memory that is never written to costs nothing. */
  reserve(rows: number): void {
    this.inputs = new Float32Array(rows * this.features.length);
  }

  add(row: readonly unknown[]): void {
    const { where, columns, features, labelColumn, labels, inputs } = this;
    const line = `${where}, line ${this.firstLine + labels.length}`;
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
      if (this.centred && labels.length === 0) this.origin[f] = value;
      inputs[labels.length * features.length + f] = value - this.origin[f];
    });
    const label = labelOf(row[labelColumn], `${line}, column "${columns[labelColumn]}"`);
    if (!this.classNames.has(label)) this.classNames.set(label, label);
    labels.push(this.classNames.get(label)!);
  }

  /** The examples so far, a view of the room that was made. */
  examples(): LabelledExamples {
    return { inputs: this.inputs.subarray(0, this.labels.length * this.features.length), labels: this.labels };
  }
}

async function readTable(
  path: string,
  options: CsvOptions,
  train?: Table,
): Promise<{ table: Table; file: Provenance["files"][number] }> {
  const file = await hashFile(path, options.signal);
  if (file.bytes === 0) throw new TwotempError("data/empty", `${path}: the file is empty`);
  await refuseOtherEncodings(path);
  const delimiter = options.delimiter ?? (await guessDelimiter(path));
  let table: Table | undefined;
  const add = (row: string[]): void => {
    if (table) {
      table.add(row);
      return;
    }
    const header = options.header ?? guessHeader(path, row, options.label);
    const columns = header ? row.map((cell) => cell.trim()) : row.map((_, i) => String(i));
    table = new Table(path, columns, header ? 2 : 1, options, train);
    // Each cell is followed by a character, and those that are read hold one at least.
    table.reserve(Math.ceil((file.bytes + 1) / (columns.length + table.features.length + 1)));
    if (!header) table.add(row);
  };
  // Blank lines may end a file, not interrupt it.
  let blank = 0;
  await parseRows(path, delimiter, options.signal, (row) => {
    if (isBlank(row) && !table)
      throw new TwotempError("data/csv", `${path}, line 1: expected a row, found a blank line`);
    if (isBlank(row)) blank++;
    else {
      for (; blank > 0; blank--) add([""]);
      add(row);
    }
  });
  if (!table) throw new TwotempError("data/empty", `${path}: the file holds no rows`);
  return { table, file };
}

/** Refuses a file whose first bytes say that it is gzip or UTF-16. */
async function refuseOtherEncodings(path: string): Promise<void> {
  for await (const start of createReadStream(path, { end: 1 }) as AsyncIterable<Buffer>) {
    if (isGzip(start)) throw new TwotempError("data/csv", `${path} starts with 1f 8b, as gzip does; unpack it first`);
    const mark = start.toString("hex");
    if (mark === "fffe" || mark === "feff") {
      throw new TwotempError(
        "data/csv",
        `${path} isn't UTF-8: it starts with the byte-order mark of UTF-16; save it as UTF-8`,
      );
    }
  }
}

/** Hands over a CSV file's rows, a block of the file at a time. */
async function parseRows(
  path: string,
  delimiter: string,
  signal: AbortSignal | undefined,
  onRow: (row: string[]) => void,
): Promise<void> {
  // Papa Parse takes a stream that has ended already for a browser's file.
  signal?.throwIfAborted();
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- has no types
  const papa = require("papaparse") as Papa;
  let waiting = 0;
  let rows = 0;
  const notCsv = (reason: string): TwotempError =>
    new TwotempError("data/csv", `${path}, after row ${rows}: not a CSV file: ${reason.slice(0, 200)}`);
  const stream = textBlocks(path, signal, (block) => {
    waiting += block.length;
    return waiting > largestRow ? notCsv(`the next one doesn't end within ${largestRow} characters`) : null;
  });
  try {
    await new Promise<void>((resolve, reject) =>
      papa.parse(stream, {
        delimiter,
        chunk: ({ data, errors }) => {
          if (errors.length > 0) throw notCsv(errors[0].message);
          if (data.length > 0) waiting = 0;
          rows += data.length;
          data.forEach(onRow);
        },
        error: reject,
        complete: resolve,
      }),
    );
  } finally {
    stream.destroy();
  }
}

/**
 * A file's text without the mark of byte order. No block ends between the two characters of a line's end, which Papa Parse would take
 * for data.
 */
function textBlocks(
  path: string,
  signal: AbortSignal | undefined,
  problem: (block: string) => Error | null,
): Transform {
  let held = "";
  const decoder = new TextDecoder("utf-8", { fatal: true });
  /** Hands on the text of a block; without one, at the file's end, what was held back. */
  const decode = (block: Buffer | undefined, done: TransformCallback): void => {
    try {
      const decoded = decoder.decode(block, { stream: block !== undefined });
      const whole = held + decoded;
      held = block && whole.endsWith("\r") ? "\r" : "";
      done(problem(decoded), held ? whole.slice(0, -1) : whole);
    } catch (cause) {
      done(new TwotempError("data/csv", `${path} isn't UTF-8; save it as UTF-8`, { cause }));
    }
  };
  const text = new Transform({
    readableObjectMode: true,
    readableHighWaterMark: 1,
    transform: (block: Buffer, _, done) => decode(block, done),
    flush: (done) => decode(undefined, done),
  });
  const file = createReadStream(path, { highWaterMark: blockBytes, signal });
  pipeline(file, text, () => undefined);
  return text;
}

function tableDataset(
  name: string,
  train: Table,
  test: Table | undefined,
  options: TableOptions & { files: Provenance["files"]; step: string },
): Dataset {
  const { features } = train;
  const inputShape = options.inputShape ?? [features.length];
  const size = inputShape.reduce((product, length) => product * length, 1);
  if (size !== features.length) {
    throw new TwotempError(
      "data/shape",
      `${train.where}: shape [${inputShape}] needs ${size} feature columns, found ${features.length}`,
    );
  }
  const raw = isRaw(options);
  // Examples of which none are held out are kept as they are, but not the room beside them.
  const trimmed = ({ inputs, labels }: LabelledExamples): LabelledExamples => ({ inputs: inputs.slice(), labels });
  const dataset = labelledDataset(
    train.where,
    {
      name,
      inputShape,
      inputNames: features.map((column) => train.columns[column]),
      train: test ? trimmed(train.examples()) : train.examples(),
      test: test && trimmed(test.examples()),
      rawMaximum: raw ? options.rawMaximum : 1,
      provenance: {
        ...(options.provenance ?? { source: name, licence: "not stated", citation: "none given" }),
        files: options.files,
        steps: [options.step],
      },
    },
    options,
  );
  return raw ? dataset : dataset.standardisedColumns({ inPlace: true });
}

/** Whether columns are taken as they are, and not standardised. */
function isRaw({ columns, inputShape }: TableOptions): boolean {
  return (columns ?? (inputShape?.length === 3 ? "raw" : "standardised")) === "raw";
}

/** What to do about a cell that holds no number. */
function advice(cell: unknown): string {
  const text = String(cell ?? "").trim();
  if (text === "") return "fill the cell or leave the row out";
  if (/^[+-]?\d*,\d+$/.test(text)) return "decimals are written with a point";
  return "a column without numbers goes into ignore";
}

function labelOf(cell: unknown, where: string): string {
  const text =
    typeof cell === "boolean" || Number.isFinite(cell) ? String(cell) : typeof cell === "string" ? cell.trim() : "";
  if (text === "") throw new TwotempError("data/labels", `${where}: expected a class label, found ${shown(cell)}`);
  const value = numberOf(text);
  if (Number.isFinite(value) && !Number.isInteger(value)) {
    throw new TwotempError("data/labels", `${where}: expected a class label, found the number ${text}`);
  }
  // One class, whether a program wrote it as a whole number or not.
  return text.replace(/^([+-]?\d+)\.0+$/, "$1");
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
  const isNumbering = first.every(
    (cell, column) => cell.trim() === String(column) || (column === labelColumn && Number.isNaN(numberOf(cell))),
  );
  if (isNumbering && features.length > 1) {
    throw new TwotempError(
      "data/csv",
      `${path}, line 1: ${first.slice(0, 3).join(", ")}, ... may be columns' numbers or an example; say header: true or header: false`,
    );
  }
  return numbers === 0;
}

async function guessDelimiter(path: string): Promise<string> {
  const input = createReadStream(path, { encoding: "latin1", end: blockBytes });
  let line = "";
  for await (line of createInterface({ input })) if (line.trim() !== "") break;
  input.destroy();
  const bare = line.replaceAll(/"[^"]*"/g, "");
  const counts = [",", ";", "\t", "|"].map((delimiter) => ({ delimiter, count: bare.split(delimiter).length - 1 }));
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
