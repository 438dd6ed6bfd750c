import { Random } from "../engine/random.js";
import { scaledRows } from "../engine/scaledRows.js";
import { TwotempError } from "../errors.js";
import { drawEpisode, drawShots, markFraction, rowsByClass, type Episode, type EpisodeOptions } from "./fewshot.js";
import { luminance } from "./luminance.js";
import { resizeImages, sidesOf } from "./resize.js";

/** Examples of one split: `inputs` holds `count` rows of raw values, row-major, each of the data set's input shape. */
export interface Examples {
  readonly inputs: Uint8Array | Float32Array;
  /** One class index a row, from 0. */
  readonly labels: Int32Array;
  readonly count: number;
}

/** The two splits of a data set. */
export type Split = "train" | "test";

/** A file that a data set was read from. */
export interface DataFile {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Where the examples come from and what was done to them since. */
export interface Provenance {
  /** One line: what this is and who made it. */
  readonly source: string;
  readonly licence: string;
  readonly citation: string;
  readonly files: readonly DataFile[];
  /** What was done, in order: how it was read, subsets, scaling. */
  readonly steps: readonly string[];
}

/** What a {@link Dataset} is made from. */
export interface DatasetParts {
  readonly name: string;
  readonly inputShape: readonly number[];
  readonly classNames: readonly string[];
  /** One a value of an example, such as the columns of a table. */
  readonly inputNames?: readonly string[];
  readonly train: Examples;
  readonly test: Examples;
  readonly rawMaximum?: number;
  readonly scale?: number;
  readonly provenance: Provenance;
}

const neededParts = [
  ...["name", "inputShape", "classNames"],
  ...["train", "test"].flatMap((split) => ["inputs", "labels", "count"].map((part) => `${split}.${part}`)),
  ...["source", "licence", "citation", "files", "steps"].map((part) => `provenance.${part}`),
];

/** One example as a picture: `pixels` holds 0 to 255, row-major, channels last. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly pixels: Uint8Array;
  readonly className: string;
}

/**
 * Labelled examples, images or vectors, in a train and a test split; never changed after it was made.
 *
 * Raw values stay as they were read (bytes for images). A model is given `raw * scale`, computed for the rows of a batch:
 * 1/255 for images of bytes, 1 / standard deviation after {@link Dataset.standardised}. Zero stays zero, so that a
 * closed input gate and the background agree.
 *
 * @throws TwotempError `data/parts` for a part that is missing or of another type, `data/shape`, `data/labels`, `data/classes`,
 * `data/values` if the parts don't fit together, a class has no training example, or a value isn't a finite number
 * @example
 * ```ts
 * const letters = await tt.dataset("emnist-letters");
 * const source = letters.classes("A-M").standardised();
 * source.batch("train", [0, 1, 2]); // Float32Array of 3 * 784 values
 * ```
 */
export class Dataset {
  readonly name: string;
  /** `[height, width, channels]` of images, `[features]` of vectors. */
  readonly inputShape: readonly number[];
  readonly classNames: readonly string[];
  /** What each value of an example is called, where it has a name: the columns of a table. */
  readonly inputNames: readonly string[] | undefined;
  readonly train: Examples;
  readonly test: Examples;
  /** The raw value that a picture shows as white. */
  readonly rawMaximum: number;
  /** A model is given `raw * scale`. */
  readonly scale: number;
  readonly provenance: Provenance;
  private readonly rowsOfClass = new Map<Split, readonly Int32Array[]>();

  constructor(parts: DatasetParts) {
    const missing = neededParts.filter((path) => (partAt(parts, path) ?? undefined) === undefined);
    if (missing.length > 0) {
      throw new TwotempError("data/parts", `${parts?.name ?? "a Dataset"}: missing ${missing.join(", ")}`);
    }
    this.name = parts.name;
    this.inputShape = Object.freeze([...parts.inputShape]);
    this.classNames = Object.freeze([...parts.classNames]);
    this.inputNames = parts.inputNames && Object.freeze([...parts.inputNames]);
    this.train = parts.train;
    this.test = parts.test;
    this.rawMaximum = parts.rawMaximum ?? (parts.train.inputs instanceof Uint8Array ? 255 : 1);
    this.scale = parts.scale ?? 1 / this.rawMaximum;
    this.provenance = parts.provenance;
    this.validate();
  }

  /** Number of classes. */
  get classCount(): number {
    return this.classNames.length;
  }

  /** Number of values of one example. */
  get inputSize(): number {
    return this.inputShape.reduce((product, size) => product * size, 1);
  }

  /**
   * The examples of some classes, relabelled from 0 in the order given.
   *
   * @param selection - a class name, a range of names in this data set's order, several of them between commas
   * (`"A-M"`, `"0-4"`, `"cat,dog"`, `"0-2,7"`), or an array of names, taken as they are
   * @returns a new data set; the examples keep their order
   * @throws TwotempError `data/classes` for an unknown or repeated name, or fewer than two classes
   * @example
   * ```ts
   * (await tt.dataset("digits")).classes("5-9").classNames; // ["5", "6", "7", "8", "9"]
   * ```
   */
  classes(selection: string | readonly string[]): Dataset {
    const chosen =
      typeof selection === "string" ? this.parseSelection(selection) : selection.map((n) => this.indexOf(n));
    const text = typeof selection === "string" ? selection : selection.join(",");
    const newLabel = new Int32Array(this.classCount).fill(-1);
    chosen.forEach((old, label) => {
      if (newLabel[old] !== -1) {
        throw new TwotempError("data/classes", `class "${this.classNames[old]}" is chosen twice in "${text}"`);
      }
      newLabel[old] = label;
    });
    const subset = (examples: Examples): Examples => {
      const rows = Int32Array.from(examples.labels.keys()).filter((row) => newLabel[examples.labels[row]] !== -1);
      const taken = takeRows(examples, rows, this.inputSize);
      return { ...taken, labels: taken.labels.map((old) => newLabel[old]) };
    };
    return this.with({
      name: `${this.name}:${text}`,
      classNames: chosen.map((old) => this.classNames[old]),
      train: subset(this.train),
      test: subset(this.test),
      step: `classes ${text}, relabelled from 0`,
    });
  }

  /**
   * The same examples, divided by one standard deviation instead of brought to [0, 1].
   *
   * `scale = 1 / std(all training values brought to [0, 1])`, of the reference's; nothing is subtracted, so a background of 0
   * stays 0.
   *
   * @param reference - whose training values give the standard deviation, for example the source of a transfer
   * @throws TwotempError `data/values` if all those values are the same
   */
  standardised(reference: Dataset = this): Dataset {
    const deviation = standardDeviation(reference.train.inputs);
    if (!(deviation > 0)) {
      throw new TwotempError(
        "data/values",
        `${reference.name}: all training values are the same, nothing to divide by`,
      );
    }
    return this.with({
      // The same number of standard deviations for white, whether that is 255 or 16.
      scale: reference.rawMaximum / (deviation * this.rawMaximum),
      step: `divided by the standard deviation of the training values of ${reference.name}`,
    });
  }

  /**
   * The same examples with each value centred and divided on its own: `(x - mean) / std` over the training examples.
   *
   * For features of different units. A constant feature becomes 0, so does the mean of each: a closed input gate stands for
   * the average example.
   *
   * @param options - `inPlace` writes over the examples, for a data set that nobody else holds
   */
  standardisedColumns({ inPlace = false }: { inPlace?: boolean } = {}): Dataset {
    const size = this.inputSize;
    const mean = new Float64Array(size);
    const deviation = new Float64Array(size);
    // A constant column has a variance of rounding errors, which must not be blown up.
    const varies = new Uint8Array(size);
    const { inputs, count } = this.train;
    for (let at = 0; at < inputs.length; at += size) {
      for (let column = 0; column < size; column++) mean[column] += inputs[at + column] / count;
    }
    for (let at = 0; at < inputs.length; at += size) {
      for (let column = 0; column < size; column++) {
        deviation[column] += (inputs[at + column] - mean[column]) ** 2 / count;
        if (inputs[at + column] !== inputs[column]) varies[column] = 1;
      }
    }
    const divisor = deviation.map((variance, column) => (varies[column] ? Math.sqrt(variance) : Infinity));
    const centred = (examples: Examples): Examples => {
      const { inputs } = examples;
      const out = inPlace && inputs instanceof Float32Array ? inputs : new Float32Array(inputs.length);
      for (let at = 0; at < out.length; at += size) {
        for (let column = 0; column < size; column++) {
          out[at + column] = (inputs[at + column] - mean[column]) / divisor[column];
        }
      }
      return { ...examples, inputs: out };
    };
    return this.with({
      train: centred(this.train),
      test: centred(this.test),
      rawMaximum: 1,
      scale: 1,
      step: "each column centred and divided by its standard deviation over the training examples",
    });
  }

  /**
   * Colour images as brightness, `0.299 red + 0.587 green + 0.114 blue`; grey ones stay as they are.
   *
   * @throws TwotempError `data/image` if the examples are vectors
   */
  grey(): Dataset {
    const [height, width, channels] = this.imageShape();
    if (channels === 1) return this;
    const brightness = (examples: Examples): Examples => {
      const { inputs, count } = examples;
      const out =
        inputs instanceof Uint8Array ? new Uint8Array(inputs.length / 3) : new Float32Array(inputs.length / 3);
      for (let i = 0; i < out.length; i++) out[i] = luminance(inputs, 3 * i, inputs instanceof Uint8Array);
      return { inputs: out, labels: examples.labels, count };
    };
    return this.with({
      inputShape: [height, width, 1],
      inputNames: undefined,
      train: brightness(this.train),
      test: brightness(this.test),
      step: "made grey",
    });
  }

  /**
   * Images of another size, resized bilinearly without keeping their aspect. Await `ready()` first.
   *
   * @param size - `[height, width]`, or one number for both, in pixels
   * @throws TwotempError `data/image` if the examples are vectors, `data/size` for sizes that aren't whole and positive
   */
  async resized(size: number | readonly [number, number]): Promise<Dataset> {
    const shape = this.imageShape();
    const target = sidesOf(size);
    const resize = async (examples: Examples): Promise<Examples> => ({
      ...examples,
      inputs: await resizeImages(examples.inputs, shape, target),
    });
    return this.with({
      inputShape: [...target, shape[2]],
      inputNames: undefined,
      train: await resize(this.train),
      test: await resize(this.test),
      step: `resized to ${target.join(" x ")}`,
    });
  }

  /**
   * Scaled inputs of some rows, one after another.
   *
   * @param rows - row numbers of the split
   * @param out - filled in place of a new array
   * @returns `rows.length * inputSize` values, `raw * scale`
   * @throws TwotempError `data/row` for a row that doesn't exist, `data/size` for an array of another size
   */
  batch(
    split: Split,
    rows: ArrayLike<number>,
    out: Float32Array = new Float32Array(rows.length * this.inputSize),
  ): Float32Array {
    const { inputs, count } = this[split];
    const { scale, inputSize: size } = this;
    if (out.length !== rows.length * size) {
      throw new TwotempError("data/size", `out must have ${rows.length * size} values, got ${out.length}`);
    }
    for (let i = 0; i < rows.length; i++) this.checkRow(split, rows[i], count);
    scaledRows(inputs, rows, scale, out);
    return out;
  }

  /** Class indices of some rows of a split. */
  labels(split: Split, rows: ArrayLike<number>): Int32Array {
    const { labels, count } = this[split];
    return Int32Array.from(rows, (row) => {
      this.checkRow(split, row, count);
      return labels[row];
    });
  }

  /**
   * One example as a picture of bytes, to be shown.
   *
   * @throws TwotempError `data/image` if the examples are vectors, `data/row` for a row that doesn't exist
   */
  image(split: Split, row: number): Picture {
    const [height, width, channels] = this.imageShape();
    const { inputs, labels, count } = this[split];
    this.checkRow(split, row, count);
    const size = this.inputSize;
    const raw = inputs.subarray(row * size, (row + 1) * size);
    const pixels = Uint8ClampedArray.from(raw, (value) => (value / this.rawMaximum) * 255);
    return { width, height, channels, pixels: new Uint8Array(pixels.buffer), className: this.classNames[labels[row]] };
  }

  /** The rows of each class in a split, in order. */
  rows(split: Split): readonly Int32Array[] {
    let rows = this.rowsOfClass.get(split);
    if (!rows) this.rowsOfClass.set(split, (rows = rowsByClass(this[split].labels, this.classCount)));
    return rows;
  }

  /**
   * The few training examples that a target task gives: `count` rows a class, drawn without repetition.
   *
   * The test split is never touched. Draws are keyed by (seed, episode, class) and nested: the rows of 1 shot are among
   * those of 5 shots of the same seed and episode.
   *
   * @returns `support`: rows of `train`, class after class
   * @throws TwotempError `data/shots` if a class has fewer examples
   */
  shots(count: number, options: { seed: number; episode?: number }): { support: Int32Array } {
    return { support: drawShots(this, count, options) };
  }

  /**
   * A few-shot task drawn from the training examples: a support set and queries that share no row with it.
   *
   * For tuning on the source's side, draw it from the held-out part of {@link Dataset.split}.
   *
   * @throws TwotempError `data/shots` if a class has fewer than `shots + queries` examples, `data/classes` for more `ways`
   * than classes
   */
  episode(options: EpisodeOptions): Episode {
    return drawEpisode(this, options);
  }

  /**
   * Holds out a part of the training examples, class by class: `[kept, heldOut]`. Both have the same test split.
   *
   * @param fraction - of each class's training examples that is held out, in (0, 1); each part gets at least one a class
   * @throws TwotempError `data/fraction` for another fraction, `data/shots` if a class has a single example
   */
  split(fraction: number, seed: number): [Dataset, Dataset] {
    const { name, classNames } = this;
    const held = markFraction(this.rows("train"), { fraction, seed, purpose: "split", name, classNames });
    const part = (wanted: number, role: string): Dataset => {
      const rows = Int32Array.from(held.keys()).filter((row) => held[row] === wanted);
      return this.with({
        train: takeRows(this.train, rows, this.inputSize),
        step: `${role} of a split of the training examples, fraction ${fraction}, seed ${seed}`,
      });
    };
    return [part(0, "kept part"), part(1, "held-out part")];
  }

  /**
   * The same training examples with each other's labels, so that inputs and classes have nothing to do with each other; the
   * test split keeps its own.
   */
  shuffledLabels(seed: number): Dataset {
    const { labels } = this.train;
    const order = new Random(seed, "shuffled labels").permutation(labels.length);
    return this.with({
      train: { ...this.train, labels: labels.map((_, row) => labels[order[row]]) },
      step: `labels of the training examples shuffled, seed ${seed}`,
    });
  }

  private with(change: Partial<DatasetParts> & { step: string }): Dataset {
    const { step, ...parts } = change;
    const steps = [...this.provenance.steps, step];
    return new Dataset({ ...this, ...parts, provenance: { ...this.provenance, steps } });
  }

  private imageShape(): [number, number, number] {
    const [height, width, channels] = this.inputShape;
    if (this.inputShape.length !== 3 || (channels !== 1 && channels !== 3)) {
      throw new TwotempError("data/image", `${this.name} holds examples of shape [${this.inputShape}], not images`);
    }
    return [height, width, channels];
  }

  private indexOf(name: string): number {
    const index = this.classNames.indexOf(name);
    if (index === -1)
      throw new TwotempError("data/classes", `${this.name} has no class "${name}", only ${this.listed()}`);
    return index;
  }

  private listed(): string {
    const shown = this.classNames.slice(0, 40).join(", ");
    return this.classCount > 40 ? `${shown}, ... (${this.classCount} classes)` : shown;
  }

  private parseSelection(selection: string): number[] {
    if (this.classNames.includes(selection)) return [this.indexOf(selection)];
    return selection.split(",").flatMap((part) => {
      const name = part.trim();
      if (this.classNames.includes(name)) return [this.indexOf(name)];
      // A name may hold hyphens itself: a range is any hyphen with a class on both sides.
      for (let at = name.indexOf("-"); at !== -1; at = name.indexOf("-", at + 1)) {
        const first = this.classNames.indexOf(name.slice(0, at));
        const last = this.classNames.indexOf(name.slice(at + 1));
        if (first === -1 || last === -1) continue;
        if (first > last) throw new TwotempError("data/classes", `the range "${name}" runs backwards`);
        return Array.from({ length: last - first + 1 }, (_, i) => first + i);
      }
      return [this.indexOf(name)];
    });
  }

  private checkRow(split: Split, row: number, count: number): void {
    if (!Number.isInteger(row) || row < 0 || row >= count) {
      throw new TwotempError("data/row", `${this.name} has ${split} rows 0 to ${count - 1}, got ${row}`);
    }
  }

  private validate(): void {
    const { name, inputShape, classCount, inputSize, scale } = this;
    if (inputShape.length === 0 || !inputShape.every((size) => Number.isInteger(size) && size > 0)) {
      throw new TwotempError("data/shape", `${name}: an input shape needs whole positive sizes, got [${inputShape}]`);
    }
    if (this.inputNames && this.inputNames.length !== inputSize) {
      throw new TwotempError(
        "data/shape",
        `${name}: ${inputSize} values an example need as many names, got ${this.inputNames.length}`,
      );
    }
    if (classCount < 2)
      throw new TwotempError("data/classes", `${name}: at least 2 classes are needed, got ${classCount}`);
    if (new Set(this.classNames).size !== classCount) {
      throw new TwotempError("data/classes", `${name}: class names repeat: ${this.listed()}`);
    }
    if (!(scale > 0 && Number.isFinite(scale))) {
      throw new TwotempError("data/values", `${name}: the scale must be positive and finite, got ${scale}`);
    }
    for (const split of ["train", "test"] as const) {
      const { inputs, labels, count } = this[split];
      if (!(inputs instanceof Uint8Array || inputs instanceof Float32Array)) {
        const found = (inputs as object).constructor.name;
        throw new TwotempError(
          "data/parts",
          `${name}: ${split} inputs must be a Uint8Array or a Float32Array, got ${found}; Float32Array.from(inputs) makes one`,
        );
      }
      if (count === 0) throw new TwotempError("data/empty", `${name}: the ${split} split holds no examples`);
      if (labels.length !== count || inputs.length !== count * inputSize) {
        throw new TwotempError(
          "data/shape",
          `${name}: ${count} ${split} examples of ${inputSize} values need ${count * inputSize} values and ${count} labels, got ${inputs.length} and ${labels.length}`,
        );
      }
      const outside = Array.prototype.findIndex.call(
        labels,
        (label) => !(Number.isInteger(label) && label >= 0 && label < classCount),
      );
      if (outside !== -1) {
        const label: unknown = labels[outside];
        throw new TwotempError(
          "data/labels",
          `${name}: ${split} row ${outside} has label ${typeof label === "string" ? JSON.stringify(label) : String(label)}, expected a whole number 0 to ${classCount - 1}`,
        );
      }
      if (!(labels instanceof Int32Array)) {
        const found = (labels as object).constructor.name;
        throw new TwotempError(
          "data/parts",
          `${name}: ${split} labels must be an Int32Array, got ${found}; Int32Array.from(labels) makes one`,
        );
      }
      if (inputs instanceof Float32Array) {
        const at = inputs.findIndex((value) => !Number.isFinite(value));
        if (at !== -1) {
          const row = Math.floor(at / inputSize);
          throw new TwotempError(
            "data/values",
            `${name}: ${split} row ${row} holds ${inputs[at]}, expected finite numbers`,
          );
        }
      }
    }
    const present = new Uint8Array(classCount);
    for (const label of this.train.labels) present[label] = 1;
    const empty = present.indexOf(0);
    if (empty !== -1) {
      throw new TwotempError("data/classes", `${name}: class "${this.classNames[empty]}" has no training example`);
    }
  }
}

/** The part at a path such as `train.inputs`. */
function partAt(parts: unknown, path: string): unknown {
  return path.split(".").reduce((part, key) => (part as Record<string, unknown> | undefined)?.[key], parts);
}

/** Some rows of a split, in the order given. */
export function takeRows(examples: Examples, rows: Int32Array, size: number): Examples {
  const { inputs } = examples;
  const taken =
    inputs instanceof Uint8Array ? new Uint8Array(rows.length * size) : new Float32Array(rows.length * size);
  rows.forEach((row, i) => taken.set(inputs.subarray(row * size, (row + 1) * size), i * size));
  return { inputs: taken, labels: rows.map((row) => examples.labels[row]), count: rows.length };
}

function standardDeviation(values: Uint8Array | Float32Array): number {
  if (values instanceof Float32Array) return deviationOf(values, () => 1, values.length);
  // Bytes take 256 values: count each, then weigh it.
  const counts = new Float64Array(256);
  for (let i = 0; i < values.length; i++) counts[values[i]]++;
  return deviationOf(Float64Array.from(counts.keys()), (value) => counts[value], values.length);
}

function deviationOf(values: Float32Array | Float64Array, weight: (value: number) => number, total: number): number {
  let sum = 0;
  for (const value of values) sum += weight(value) * value;
  const mean = sum / total;
  let squares = 0;
  for (const value of values) squares += weight(value) * (value - mean) ** 2;
  return Math.sqrt(squares / total);
}
