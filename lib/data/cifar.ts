import { basename, dirname } from "node:path";
import { TwotempError } from "../errors.js";
import { Dataset, type Examples, type Provenance } from "./dataset.js";
import { loadFile, type LoadedFile } from "./files.js";
import { checkOptions } from "./options.js";

const side = 32;
const channels = 3;
const plane = side * side;

/** The files of a data set in CIFAR's binary layout. */
export interface CifarFiles {
  readonly train: readonly string[];
  readonly test: readonly string[];
  /** A text file of class names, one a line. */
  readonly classNames?: string;
}

/** How CIFAR files are read. */
export interface CifarOptions {
  readonly name?: string;
  /** `"single"`: one label byte (CIFAR-10); `"coarse"`, `"fine"`: the first or second of two (CIFAR-100). Default `"single"`. */
  readonly labels?: "single" | "coarse" | "fine";
  /** Default: those of the class names' file, else 0, 1, 2, ... */
  readonly classNames?: readonly string[];
  readonly provenance?: Omit<Provenance, "files" | "steps">;
  readonly signal?: AbortSignal;
}

/**
 * Reads a data set in CIFAR's binary layout: records of one or two label bytes and 3,072 bytes of a 32x32 image, a
 * colour plane after another. Pixels come out with channels last.
 *
 * @throws TwotempError `data/option`, `data/path`, `data/size`, `data/labels`, naming file, offset and expectation
 * @example
 * ```ts
 * await tt.readCifar({ train: ["my/data_batch_1.bin"], test: ["my/test_batch.bin"], classNames: "my/batches.meta.txt" });
 * ```
 * Source: the layout is described on the CIFAR page (Krizhevsky)
 */
export async function readCifar(files: CifarFiles, options: CifarOptions = {}): Promise<Dataset> {
  checkOptions(files.train[0], "a CIFAR file", options);
  const { labels = "single", signal } = options;
  const name = options.name ?? basename(dirname(files.train[0] ?? ""));
  const load = (paths: readonly string[]): Promise<LoadedFile[]> =>
    Promise.all(paths.map((path) => loadFile(path, signal)));
  const [train, test] = await Promise.all([load(files.train), load(files.test)]);
  const namesFile = files.classNames === undefined ? undefined : await loadFile(files.classNames, signal);
  const classNames =
    options.classNames ??
    namesFile?.bytes
      .toString("utf8")
      .split(/\r?\n/)
      .filter((line) => line !== "");
  const trainExamples = readRecords(train, labels, classNames?.length ?? 256);
  const testExamples = readRecords(test, labels, classNames?.length ?? 256);
  const largest = [...trainExamples.labels, ...testExamples.labels].reduce((a, b) => Math.max(a, b), 0);
  return new Dataset({
    name,
    inputShape: [side, side, channels],
    classNames: classNames ?? Array.from({ length: largest + 1 }, (_, i) => String(i)),
    train: trainExamples,
    test: testExamples,
    provenance: {
      ...(options.provenance ?? { source: name, licence: "not stated", citation: "none given" }),
      files: [...train, ...test, ...(namesFile ? [namesFile] : [])].map((file) => file.record),
      steps: [labels === "single" ? "read from CIFAR files" : `read from CIFAR files, ${labels} labels`],
    },
  });
}

function readRecords(files: readonly LoadedFile[], kind: CifarOptions["labels"], classCount: number): Examples {
  const labelBytes = kind === "single" ? 1 : 2;
  const labelAt = kind === "fine" ? 1 : 0;
  const record = labelBytes + channels * plane;
  for (const { path, bytes } of files) {
    if (bytes.length % record !== 0) {
      const whole = bytes.length - (bytes.length % record);
      throw new TwotempError(
        "data/size",
        `${path}, byte ${whole}: expected records of ${record} bytes, found ${bytes.length - whole} bytes at the end`,
      );
    }
  }
  const count = files.reduce((sum, { bytes }) => sum + bytes.length / record, 0);
  const inputs = new Uint8Array(count * channels * plane);
  const labels = new Int32Array(count);
  let row = 0;
  for (const { path, bytes } of files) {
    for (let start = 0; start < bytes.length; start += record, row++) {
      labels[row] = bytes[start + labelAt];
      if (labels[row] >= classCount) {
        throw new TwotempError(
          "data/labels",
          `${path}, byte ${start + labelAt}: expected a label from 0 to ${classCount - 1}, found ${labels[row]}`,
        );
      }
      const from = start + labelBytes;
      const to = row * channels * plane;
      for (let pixel = 0; pixel < plane; pixel++) {
        for (let channel = 0; channel < channels; channel++) {
          inputs[to + pixel * channels + channel] = bytes[from + channel * plane + pixel];
        }
      }
    }
  }
  return { inputs, labels, count };
}
