import * as tf from "@tensorflow/tfjs";
import type { Dataset, Split } from "../data/index.js";

/** Labelled examples ready for a model: `values` holds `count` rows, row-major. */
export interface Labelled {
  readonly values: Float32Array;
  readonly labels: Int32Array;
  readonly count: number;
}

/** Something to learn from few examples: a support set to train on and queries to be judged by. */
export interface FewShotTask {
  readonly classCount: number;
  readonly support: Labelled;
  /** Tasks that share their queries share this object. */
  readonly queries: Labelled;
}

/** Rows of a split, with their labels. */
export function labelled(dataset: Dataset, split: Split, rows: Int32Array): Labelled {
  return { values: dataset.batch(split, rows), labels: dataset.labels(split, rows), count: rows.length };
}

/**
 * The target's test examples, or some, spread evenly over the split. Nothing else in this project reads inputs of a test
 * split to judge by them.
 *
 * @param testExamples - how many; default all
 */
export function testQueries(target: Dataset, testExamples: number = target.test.count): Labelled {
  const count = Math.min(testExamples, target.test.count);
  const rows = Int32Array.from({ length: count }, (_, i) => Math.floor((i * target.test.count) / count));
  return labelled(target, "test", rows);
}

/**
 * Few-shot tasks on the target: `shots` training examples a class, judged by the test examples.
 *
 * @param queries - what {@link testQueries} gave
 */
export function targetTasks(
  target: Dataset,
  shots: number,
  seed: number,
  episodes: number,
  queries: Labelled = testQueries(target),
): FewShotTask[] {
  return Array.from({ length: episodes }, (_, episode) => ({
    classCount: target.classCount,
    support: labelled(target, "train", target.shots(shots, { seed, episode }).support),
    queries,
  }));
}

/**
 * Few-shot tasks shaped like the target's, drawn from examples of the source that the search hasn't seen: for choosing
 * learning rates without any label of the target.
 */
export function tuningTasks(
  heldOut: Dataset,
  options: { readonly shots: number; readonly ways: number; readonly seed: number; readonly tasks: number },
): FewShotTask[] {
  const smallest = Math.min(...heldOut.rows("train").map((rows) => rows.length));
  const queries = Math.min(40, smallest - options.shots);
  return Array.from({ length: options.tasks }, (_, task) => {
    const drawn = heldOut.episode({
      shots: options.shots,
      queries,
      ways: Math.min(options.ways, heldOut.classCount),
      seed: options.seed,
      episode: task,
    });
    const part = (rows: Int32Array, labels: Int32Array): Labelled => ({
      values: heldOut.batch("train", rows),
      labels,
      count: rows.length,
    });
    return {
      classCount: drawn.classes.length,
      support: part(drawn.support, drawn.supportLabels),
      queries: part(drawn.queries, drawn.queryLabels),
    };
  });
}

/** The fraction of rows whose largest score is at their label. */
export function accuracyOf(scores: tf.Tensor2D, labels: Int32Array): number {
  const predicted = tf.tidy(() => tf.argMax(scores, 1).dataSync<"int32">());
  return predicted.reduce((right, label, row) => right + (label === labels[row] ? 1 : 0), 0) / labels.length;
}
