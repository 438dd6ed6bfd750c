import { Random } from "../engine/random.js";
import { TwotempError } from "../errors.js";
import type { Dataset } from "./dataset.js";

/** What an {@link Episode} is drawn by. */
export interface EpisodeOptions {
  /** Support examples a class. */
  readonly shots: number;
  /** Query examples a class. */
  readonly queries: number;
  readonly seed: number;
  /** Which task of this seed; default 0. */
  readonly episode?: number;
  /** Number of classes of the task, drawn anew in each episode; default all, in their order. */
  readonly ways?: number;
}

/** A few-shot task inside a training split. Labels index `classes`; rows come class after class. */
export interface Episode {
  /** The data set's class indices that take part. */
  readonly classes: Int32Array;
  readonly support: Int32Array;
  readonly supportLabels: Int32Array;
  readonly queries: Int32Array;
  readonly queryLabels: Int32Array;
}

/** The rows of each class, in order. */
export function rowsByClass(labels: Int32Array, classCount: number): Int32Array[] {
  const sizes = new Int32Array(classCount);
  for (const label of labels) sizes[label]++;
  const rows = Array.from(sizes, (size) => new Int32Array(size));
  sizes.fill(0);
  labels.forEach((label, row) => (rows[label][sizes[label]++] = row));
  return rows;
}

/**
 * Marks a fraction of each class's rows, at least one and never all, drawn by (seed, purpose, class).
 *
 * @param name - of the data set, for the error
 * @throws TwotempError `data/fraction`, or `data/shots` if a class has fewer than two rows
 */
export function markFraction(
  rows: readonly Int32Array[],
  options: { fraction: number; seed: number; purpose: string; name: string; classNames: readonly string[] },
): Uint8Array {
  const { fraction, seed, purpose, name, classNames } = options;
  if (!(fraction > 0 && fraction < 1)) {
    throw new TwotempError("data/fraction", `the fraction held out must be between 0 and 1, got ${fraction}`);
  }
  const marked = new Uint8Array(rows.reduce((sum, ofClass) => sum + ofClass.length, 0));
  rows.forEach((ofClass, label) => {
    if (ofClass.length < 2) {
      throw new TwotempError(
        "data/shots",
        `${name}: class "${classNames[label]}" has ${ofClass.length} example${ofClass.length === 1 ? "" : "s"}, holding some out needs 2`,
      );
    }
    const take = Math.min(ofClass.length - 1, Math.max(1, Math.round(fraction * ofClass.length)));
    for (const at of new Random(seed, purpose, label).permutation(ofClass.length, take)) marked[ofClass[at]] = 1;
  });
  return marked;
}

/** See {@link Dataset.shots}. */
export function drawShots(dataset: Dataset, count: number, options: { seed: number; episode?: number }): Int32Array {
  checkCount("shots", count);
  const { seed, episode = 0 } = options;
  const drawn = dataset.rows("train").map((rows, label) => {
    checkEnough(dataset, label, rows.length, count, `${count} shots need ${count}`);
    return drawRows(rows, count, [seed, "shots", episode, label]);
  });
  return concatenate(drawn);
}

/** See {@link Dataset.episode}. */
export function drawEpisode(dataset: Dataset, options: EpisodeOptions): Episode {
  const { shots, queries, seed, episode = 0, ways = dataset.classCount } = options;
  checkCount("shots", shots);
  checkCount("queries", queries);
  if (!Number.isInteger(ways) || ways < 2 || ways > dataset.classCount) {
    throw new TwotempError("data/classes", `ways must be 2 to ${dataset.classCount} of ${dataset.name}, got ${ways}`);
  }
  const classes =
    ways === dataset.classCount
      ? Int32Array.from({ length: ways }, (_, i) => i)
      : new Random(seed, "episode classes", episode).permutation(dataset.classCount, ways);
  const needed = shots + queries;
  const drawn = Array.from(classes, (label) => {
    const rows = dataset.rows("train")[label];
    checkEnough(dataset, label, rows.length, needed, `${shots} shots and ${queries} queries need ${needed}`);
    return drawRows(rows, needed, [seed, "episode", episode, label]);
  });
  const repeated = (times: number): Int32Array =>
    Int32Array.from({ length: ways * times }, (_, i) => Math.floor(i / times));
  return {
    classes: Int32Array.from(classes),
    support: concatenate(drawn.map((rows) => rows.subarray(0, shots))),
    supportLabels: repeated(shots),
    queries: concatenate(drawn.map((rows) => rows.subarray(shots))),
    queryLabels: repeated(queries),
  };
}

function drawRows(rows: Int32Array, count: number, address: readonly (string | number)[]): Int32Array {
  return new Random(...address).permutation(rows.length, count).map((at) => rows[at]);
}

function concatenate(parts: readonly Int32Array[]): Int32Array {
  const out = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function checkCount(what: string, count: number): void {
  if (!Number.isInteger(count) || count < 1) {
    throw new TwotempError("data/shots", `${what} must be a whole number from 1, got ${count}`);
  }
}

function checkEnough(dataset: Dataset, label: number, held: number, needed: number, what: string): void {
  if (held < needed) {
    const name = dataset.classNames[label];
    throw new TwotempError("data/shots", `${what} examples of class "${name}", ${dataset.name} has ${held}`);
  }
}
