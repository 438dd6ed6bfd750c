import { basename, dirname } from "node:path";
import { TwotempError } from "../errors.js";
import { Dataset, type DataFile, type Examples, type Provenance } from "./dataset.js";
import { inflate, isGzip, loadFile } from "./files.js";
import { checkOptions } from "./options.js";

/** The files of a data set in IDX layout, gzip or not. */
export interface IdxFiles {
  readonly trainImages: string;
  readonly trainLabels: string;
  readonly testImages: string;
  readonly testLabels: string;
}

/** How IDX files are read. */
export interface IdxOptions {
  readonly name?: string;
  /** Default: the labels from {@link firstLabel} to the largest, as text. */
  readonly classNames?: readonly string[];
  /** The label of the first class; default 0 (EMNIST letters: 1). */
  readonly firstLabel?: number;
  /** Whether images are stored column by column, as EMNIST's are; they come out upright. Default false. */
  readonly transposed?: boolean;
  readonly provenance?: Omit<Provenance, "files" | "steps">;
  readonly signal?: AbortSignal;
}

/** An array of bytes as IDX stores it. */
export interface IdxArray {
  readonly shape: readonly number[];
  readonly values: Uint8Array;
  readonly file: DataFile;
}

/**
 * Reads a data set of four IDX files, the layout of MNIST: images `[count, height, width]` (or with channels, or vectors)
 * and labels `[count]`, all unsigned bytes.
 *
 * @throws TwotempError `data/option`, `data/path`, `data/gzip`, `data/magic`, `data/size`, `data/labels`, naming file, offset and
 * expectation
 * @example
 * ```ts
 * const dataset = await tt.readIdx({
 *   trainImages: "my/train-images-idx3-ubyte.gz", trainLabels: "my/train-labels-idx1-ubyte.gz",
 *   testImages: "my/t10k-images-idx3-ubyte.gz", testLabels: "my/t10k-labels-idx1-ubyte.gz",
 * });
 * ```
 * Source: the layout is described on the MNIST page (LeCun, Cortes and Burges)
 */
export async function readIdx(files: IdxFiles, options: IdxOptions = {}): Promise<Dataset> {
  checkOptions(files.trainImages, "an IDX file", options);
  const { firstLabel = 0, transposed = false, signal } = options;
  const paths = [files.trainImages, files.trainLabels, files.testImages, files.testLabels];
  const [trainImages, trainLabels, testImages, testLabels] = await Promise.all(
    paths.map((path) => readIdxArray(path, signal)),
  );
  const exampleShape = trainImages.shape.slice(1);
  if (exampleShape.length < 1 || exampleShape.length > 3) {
    const expected = "[count, height, width], [count, height, width, channels] or [count, features]";
    throw new TwotempError(
      "data/shape",
      `${paths[0]}, byte 3: expected images of shape ${expected}, found [${trainImages.shape}]`,
    );
  }
  if (String(testImages.shape.slice(1)) !== String(exampleShape)) {
    throw new TwotempError(
      "data/shape",
      `${paths[2]}, byte 8: expected examples of [${exampleShape}] as in the training file, found [${testImages.shape.slice(1)}]`,
    );
  }
  if (transposed && exampleShape.length !== 2) {
    throw new TwotempError(
      "data/shape",
      `${paths[0]}: only grey images can be transposed, found [${trainImages.shape}]`,
    );
  }
  const classNames = options.classNames ?? namesOf([trainLabels.values, testLabels.values], firstLabel);
  const split = (images: IdxArray, labels: IdxArray, labelPath: string): Examples => ({
    inputs: transposed ? transposeImages(images) : images.values,
    labels: readLabels(labels, labelPath, images.shape[0], firstLabel, classNames.length),
    count: images.shape[0],
  });
  const name = options.name ?? basename(dirname(files.trainImages));
  const steps = ["read from IDX files"];
  if (transposed) steps.push("images transposed to stand upright");
  if (firstLabel !== 0) steps.push(`labels ${firstLabel}.. renumbered from 0`);
  return new Dataset({
    name,
    inputShape: imageShape(exampleShape, transposed),
    classNames,
    train: split(trainImages, trainLabels, paths[1]),
    test: split(testImages, testLabels, paths[3]),
    provenance: {
      ...(options.provenance ?? { source: name, licence: "not stated", citation: "none given" }),
      files: [trainImages, trainLabels, testImages, testLabels].map((array) => array.file),
      steps,
    },
  });
}

/** Reads one IDX file of unsigned bytes. See {@link readIdx}. */
export async function readIdxArray(path: string, signal?: AbortSignal): Promise<IdxArray> {
  const { bytes, record } = await loadFile(path, signal);
  if (!isGzip(bytes)) return parseIdx(path, bytes, record);
  return parseIdx(path, await inflate(path, bytes, (head) => readHeader(path, head).size), record);
}

function parseIdx(path: string, bytes: Buffer, file: DataFile): IdxArray {
  const { shape, start, size } = readHeader(path, bytes);
  if (bytes.length !== size) {
    throw new TwotempError(
      "data/size",
      `${path}, byte ${Math.min(bytes.length, size)}: expected ${size} bytes for shape [${shape}], found ${bytes.length}`,
    );
  }
  return { shape, values: new Uint8Array(bytes.buffer, bytes.byteOffset + start, size - start), file };
}

function readHeader(path: string, head: Buffer): { shape: number[]; start: number; size: number } {
  if (head.length < 4) {
    throw new TwotempError("data/size", `${path}, byte ${head.length}: expected an IDX header of at least 8 bytes`);
  }
  const magic = head.readUInt32BE(0);
  const rank = magic & 0xff;
  if (magic >>> 8 !== 0x08 || rank < 1 || rank > 4) {
    throw new TwotempError(
      "data/magic",
      `${path}, byte 0: expected the magic number 0x000008 and a rank from 1 to 4 (IDX of unsigned bytes), found 0x${magic.toString(16).padStart(8, "0")}`,
    );
  }
  const start = 4 + 4 * rank;
  if (head.length < start) {
    throw new TwotempError("data/size", `${path}, byte ${head.length}: expected an IDX header of ${start} bytes`);
  }
  const shape = Array.from({ length: rank }, (_, i) => head.readUInt32BE(4 + 4 * i));
  const empty = shape.indexOf(0);
  if (empty !== -1) {
    throw new TwotempError(
      "data/size",
      `${path}, byte ${4 + 4 * empty}: expected a positive size, found shape [${shape}]`,
    );
  }
  return { shape, start, size: start + shape.reduce((product, size) => product * size, 1) };
}

function readLabels(labels: IdxArray, path: string, count: number, first: number, classCount: number): Int32Array {
  if (labels.shape.length !== 1 || labels.shape[0] !== count) {
    throw new TwotempError(
      "data/shape",
      `${path}, byte 4: expected ${count} labels, one an image, found shape [${labels.shape}]`,
    );
  }
  const outside = labels.values.findIndex((value) => value < first || value >= first + classCount);
  if (outside !== -1) {
    throw new TwotempError(
      "data/labels",
      `${path}, byte ${8 + outside}: expected a label from ${first} to ${first + classCount - 1}, found ${labels.values[outside]}`,
    );
  }
  return Int32Array.from(labels.values, (value) => value - first);
}

function namesOf(labels: readonly Uint8Array[], first: number): string[] {
  const largest = labels.reduce((most, values) => values.reduce((a, b) => Math.max(a, b), most), first);
  return Array.from({ length: largest - first + 1 }, (_, i) => String(first + i));
}

function imageShape(shape: readonly number[], transposed: boolean): number[] {
  if (shape.length !== 2) return [...shape];
  const [rows, columns] = shape;
  return transposed ? [columns, rows, 1] : [rows, columns, 1];
}

/** Transposes each image in its place. */
function transposeImages({ shape, values }: IdxArray): Uint8Array {
  const [count, rows, columns] = shape;
  const size = rows * columns;
  for (let start = 0; start < count * size; start += size) {
    const stored = values.slice(start, start + size);
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) values[start + c * rows + r] = stored[r * columns + c];
    }
  }
  return values;
}
