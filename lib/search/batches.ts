import * as tf from "@tensorflow/tfjs";
import type { Dataset } from "../data/index.js";
import { type Address, Random } from "../engine/index.js";
import { nativeBackend, reusable, upload } from "../engine/native.js";
import type { Batch } from "./objective.js";

/**
 * The given rows of a split as tensors.
 *
 * @param values - a {@link reusable} array for the inputs' values, which is free again afterwards natively
 */
export function batchOf(
  dataset: Dataset,
  split: "train" | "test",
  rows: ArrayLike<number>,
  values?: Float32Array,
): Batch {
  const { classCount, inputShape } = dataset;
  const { labels } = dataset[split];
  const oneHot = new Float32Array(rows.length * classCount);
  for (let i = 0; i < rows.length; i++) oneHot[i * classCount + labels[rows[i]]] = 1;
  const read = dataset.batch(split, rows, nativeBackend() && values);
  return {
    inputs: upload(tf.tensor(read, [rows.length, ...inputShape])),
    labels: tf.tensor2d(oneHot, [rows.length, classCount]),
  };
}

/**
 * Mini-batches without replacement: each epoch is a keyed permutation of the training rows, so that batch `step` is the
 * same whatever was read before it. A last part too small for a batch is left out of its epoch.
 */
export class Batches {
  private epoch: number = -1;
  private order: Int32Array = new Int32Array();
  private readonly values: Float32Array;
  private readonly perEpoch: number;

  constructor(
    private readonly dataset: Dataset,
    readonly size: number,
    private readonly address: Address,
  ) {
    this.size = Math.min(size, dataset.train.count);
    this.perEpoch = Math.floor(dataset.train.count / this.size);
    this.values = reusable(this.size * dataset.inputSize);
  }

  /** The rows of batch `step`. */
  rows(step: number): Int32Array {
    const epoch = Math.floor(step / this.perEpoch);
    if (epoch !== this.epoch) {
      this.order = new Random(...this.address, "epoch", epoch).permutation(this.dataset.train.count);
      this.epoch = epoch;
    }
    const first = (step % this.perEpoch) * this.size;
    return this.order.subarray(first, first + this.size);
  }

  /** Batch `step` as tensors. */
  at(step: number): Batch {
    return batchOf(this.dataset, "train", this.rows(step), this.values);
  }
}
