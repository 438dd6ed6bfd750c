import { TwotempError } from "../errors.js";
import { Dataset, takeRows, type Examples, type Provenance } from "./dataset.js";
import { markFraction, rowsByClass } from "./fewshot.js";

/** How a data set without a test split of its own gets one. */
export interface HoldOutOptions {
  /** Fraction of each class that becomes the test split, default 0.2. */
  readonly testFraction?: number;
  /** Draws the test split, default 0. */
  readonly seed?: number;
}

/** Examples whose labels are text. */
export interface LabelledExamples {
  readonly inputs: Uint8Array | Float32Array;
  readonly labels: readonly string[];
}

/** Class names in order: by number if all are whole numbers, else by code unit. */
export function sortedClasses(labels: Iterable<string>): string[] {
  const names = [...new Set(labels)];
  const numbers = names.every((name) => /^-?\d{1,15}$/.test(name));
  return numbers ? names.sort((a, b) => Number(a) - Number(b)) : names.sort();
}

/**
 * Makes a data set of labelled examples; without `test` a part of `train` is held out for it, class by class.
 *
 * @param where - file or folder, for errors
 * @throws TwotempError `data/classes` for fewer than two classes or a class that only `test` has, `data/shots` for a class
 * of one example where some must be held out
 */
export function labelledDataset(
  where: string,
  parts: {
    name: string;
    inputShape: readonly number[];
    classNames?: readonly string[];
    inputNames?: readonly string[];
    train: LabelledExamples;
    test?: LabelledExamples;
    rawMaximum?: number;
    provenance: Provenance;
  },
  options: HoldOutOptions,
): Dataset {
  const { testFraction = 0.2, seed = 0 } = options;
  const classNames = parts.classNames ?? sortedClasses(parts.train.labels);
  if (classNames.length < 2) {
    const found = classNames.map((name) => `"${name}"`).join(", ");
    throw new TwotempError(
      "data/classes",
      `${where}: expected at least 2 classes, found ${classNames.length}: ${found}`,
    );
  }
  const indices = new Map(classNames.map((name, index) => [name, index]));
  const examples = ({ inputs, labels }: LabelledExamples): Examples => ({
    inputs,
    labels: Int32Array.from(labels, (label) => {
      const index = indices.get(label);
      if (index === undefined) {
        throw new TwotempError("data/classes", `${where}: class "${label}" has no training example`);
      }
      return index;
    }),
    count: labels.length,
  });
  const train = examples(parts.train);
  if (parts.test) return new Dataset({ ...parts, classNames, train, test: examples(parts.test) });
  const marked = markFraction(rowsByClass(train.labels, classNames.length), {
    fraction: testFraction,
    seed,
    purpose: "test split",
    name: where,
    classNames,
  });
  const size = parts.inputShape.reduce((product, length) => product * length, 1);
  const part = (wanted: number): Examples =>
    takeRows(
      train,
      Int32Array.from(marked.keys()).filter((row) => marked[row] === wanted),
      size,
    );
  const step = `fraction ${testFraction} of each class held out as test split, seed ${seed}`;
  return new Dataset({
    ...parts,
    classNames,
    train: part(0),
    test: part(1),
    provenance: { ...parts.provenance, steps: [...parts.provenance.steps, step] },
  });
}
