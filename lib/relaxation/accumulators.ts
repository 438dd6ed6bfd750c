import * as tf from "@tensorflow/tfjs";
import { attribute, execute, nativeBackend } from "../engine/native.js";
import { largestEntry } from "./tensors.js";

/**
 * All that a regret certificate needs to know of a run: sums over its steps of the gates `a_t` and their gradients `g_t`.
 *
 * For any comparator `u`, `sum_t <g_t, a_t - u> = scalar - <vector, u>`.
 */
export interface Accumulators {
  readonly steps: number;
  /** `sum_t <g_t, a_t>`, the sum of the products. */
  readonly scalar: number;
  /** `sum_t g_{t,i} a_{t,i}` for each gate, [gateCount] */
  readonly products: Float64Array;
  /** `sum_t g_t`, [gateCount] */
  readonly vector: Float64Array;
  /** `sum_t |g_t|^2` */
  readonly squares: number;
  /** `max_t |g_t|_inf`; in float32, for updates that don't need it, a bound: `max_t |g_t|`. */
  readonly largest: number;
  /** `sum_t g_{t,i}^2` for each gate, [gateCount]; in float32 for the adaptive update only. */
  readonly gateSquares: Float64Array | undefined;
  /** The lowest and the highest logit of each gate so far, each [gateCount]; in float32 for the adaptive update only. */
  readonly range: LogitRange | undefined;
  /** Where the logits are now, [gateCount]. */
  readonly logits: Float64Array;
  /** In what the gates were computed and the logits moved. */
  readonly precision: "float64" | "float32";
  /** How many terms were at most added one after the other in that precision. */
  readonly longestSum: number;
}

/** Where the logits have been. */
export interface LogitRange {
  readonly lowest: Float64Array;
  readonly highest: Float64Array;
  /** How many steps in a row neither was looked at, at most: between them a logit may have been farther out. */
  readonly unseen: number;
}

/** Sums of float64 gates and gradients. */
export class ReferenceAccumulators {
  private steps = 0;
  private squares = 0;
  private largest = 0;
  private readonly products: Float64Array;
  private readonly vector: Float64Array;
  private readonly gateSquares: Float64Array;
  private readonly range: LogitRange;

  constructor(initialLogits: Float64Array) {
    const gateCount = initialLogits.length;
    this.products = new Float64Array(gateCount);
    this.vector = new Float64Array(gateCount);
    this.gateSquares = new Float64Array(gateCount);
    this.range = { lowest: initialLogits.slice(), highest: initialLogits.slice(), unseen: 0 };
  }

  add(a: Float64Array, g: Float64Array): void {
    for (let i = 0; i < g.length; i++) {
      const square = g[i] * g[i];
      this.products[i] += g[i] * a[i];
      this.vector[i] += g[i];
      this.gateSquares[i] += square;
      this.squares += square;
      this.largest = Math.max(this.largest, Math.abs(g[i]));
    }
    this.steps++;
  }

  /** Notes where the step has moved the logits. */
  moved(logits: Float64Array): void {
    const { lowest, highest } = this.range;
    for (let i = 0; i < logits.length; i++) {
      if (logits[i] < lowest[i]) lowest[i] = logits[i];
      if (logits[i] > highest[i]) highest[i] = logits[i];
    }
  }

  read(logits: Float64Array): Accumulators {
    const { steps, squares, largest } = this;
    return {
      steps,
      scalar: sum(this.products),
      products: this.products.slice(),
      vector: this.vector.slice(),
      squares,
      largest,
      gateSquares: this.gateSquares.slice(),
      range: { lowest: this.range.lowest.slice(), highest: this.range.highest.slice(), unseen: 0 },
      logits: logits.slice(),
      precision: "float64",
      longestSum: steps + this.vector.length,
    };
  }

  load(saved: Accumulators): void {
    this.steps = saved.steps;
    this.squares = saved.squares;
    this.largest = saved.largest;
    this.products.set(saved.products);
    this.vector.set(saved.vector);
    this.gateSquares.set(saved.gateSquares!);
    this.range.lowest.set(saved.range!.lowest);
    this.range.highest.set(saved.range!.highest);
  }
}

/** How many float32 terms are added one after the other before the sum moves to float64. */
export const foldedSteps = 64;

/** A float32 sum over steps: terms wait and are added a few at a time; every {@link foldedSteps} steps it becomes float64. */
class FoldedSum {
  private readonly total: Float64Array;
  private waiting: tf.Tensor1D[] = [];
  /** How many terms wait to be added in one call; none where they are so large that memory counts. */
  private readonly patience: number;

  constructor(size: number) {
    this.total = new Float64Array(size);
    this.patience = size > 4_000_000 ? 1 : 4;
  }

  /** Adds a tensor, which belongs to the sum from now on; `count` terms have then been added in all. */
  add(term: tf.Tensor1D, count: number): void {
    this.waiting.push(tf.keep(term));
    if (count % this.patience === 0 || count % foldedSteps === 0) this.gather();
    if (count % foldedSteps === 0) {
      const part = this.waiting[0].dataSync();
      for (let i = 0; i < part.length; i++) this.total[i] += part[i];
      this.dispose();
    }
  }

  read(): Float64Array {
    const all = this.total.slice();
    for (const part of this.pending()) for (let i = 0; i < part.length; i++) all[i] += part[i];
    return all;
  }

  /** The float64 part. */
  folded(): Float64Array {
    return this.total.slice();
  }

  /** The float32 part, as it is, so that a run that goes on adds in the same order. */
  pending(): Float32Array[] {
    return this.waiting.map((part) => (part.dataSync() as Float32Array).slice());
  }

  load(folded: Float64Array, pending: readonly Float32Array[]): void {
    this.dispose();
    this.total.set(folded);
    this.waiting = pending.map((part) => tf.keep(tf.tensor1d(part)));
  }

  dispose(): void {
    tf.dispose(this.waiting);
    this.waiting = [];
  }

  private gather(): void {
    if (this.waiting.length < 2) return;
    const added = tf.keep(tf.tidy(() => tf.addN(this.waiting)));
    this.dispose();
    this.waiting = [added];
  }
}

/** The float32 parts of {@link TensorAccumulators} that aren't in float64 yet. */
export interface PendingSums {
  readonly products: readonly Float32Array[];
  readonly vector: readonly Float32Array[];
}

/** Sums of gates and gradients as tensors, in few calls: three numbers a step are read back. */
export class TensorAccumulators {
  private steps = 0;
  private squares = 0;
  private largest = 0;
  private readonly products: FoldedSum;
  private readonly vector: FoldedSum;
  /** The lowest and the highest logits, where they are wanted. */
  private range: tf.Tensor1D[] = [];

  constructor(initialLogits: tf.Tensor1D, ranged: boolean) {
    this.products = new FoldedSum(initialLogits.size);
    this.vector = new FoldedSum(initialLogits.size);
    if (ranged) this.range = [initialLogits, initialLogits].map((logits) => tf.keep(tf.clone(logits)));
  }

  /** The size of a gradient, before anything is changed; the sum of squares isn't finite if the gradient isn't. */
  static measure(g: tf.Tensor1D, needsLargest: boolean): { squares: number; largest: number } {
    return tf.tidy(() => {
      const squares = squaresOf(g);
      // No entry is larger than the length of the whole.
      if (!needsLargest) return { squares, largest: Math.sqrt(squares) };
      return { squares, largest: largestEntry(g) };
    });
  }

  add(a: tf.Tensor1D, g: tf.Tensor1D, measured: { squares: number; largest: number }): void {
    this.steps++;
    this.squares += measured.squares;
    this.largest = Math.max(this.largest, measured.largest);
    this.products.add(tf.mul(g, a), this.steps);
    this.vector.add(tf.clone(g), this.steps);
  }

  /** Notes where the step has moved the logits: how low and how high each every third step, to save time. */
  moved(logits: tf.Tensor1D): void {
    const side = this.steps % 3;
    if (this.range.length === 0 || side === 2) return;
    const before = this.range[side];
    this.range[side] = tf.keep(side === 0 ? tf.minimum(before, logits) : tf.maximum(before, logits));
    before.dispose();
  }

  /** Copies of the sums; `gateSquares` is the adaptive update's own memory. */
  read(logits: Float64Array, gateSquares: Float64Array | undefined): Accumulators {
    return this.sums(this.products.read(), this.vector.read(), logits, gateSquares);
  }

  /** The float64 parts, and what isn't in them yet. */
  save(
    logits: Float64Array,
    gateSquares: Float64Array | undefined,
  ): { accumulators: Accumulators; pending: PendingSums } {
    return {
      accumulators: this.sums(this.products.folded(), this.vector.folded(), logits, gateSquares),
      pending: { products: this.products.pending(), vector: this.vector.pending() },
    };
  }

  load(saved: Accumulators, pending: PendingSums): void {
    this.steps = saved.steps;
    this.squares = saved.squares;
    this.largest = saved.largest;
    this.products.load(saved.products, pending.products);
    this.vector.load(saved.vector, pending.vector);
    if (!saved.range) return;
    tf.dispose(this.range);
    const { lowest, highest } = saved.range;
    this.range = [lowest, highest].map((logits) => tf.keep(tf.tensor1d(Float32Array.from(logits))));
  }

  dispose(): void {
    this.products.dispose();
    this.vector.dispose();
    tf.dispose(this.range);
  }

  private sums(
    products: Float64Array,
    vector: Float64Array,
    logits: Float64Array,
    gateSquares: Float64Array | undefined,
  ): Accumulators {
    const { steps, squares, largest } = this;
    const scalar = sum(products);
    const longestSum = Math.min(steps, foldedSteps);
    const [lowest, highest] = this.range.map((extreme) => Float64Array.from(extreme.dataSync()));
    return {
      steps,
      scalar,
      products,
      vector,
      squares,
      largest,
      gateSquares,
      range: this.range.length > 0 ? { lowest, highest, unseen: 2 } : undefined,
      logits,
      precision: "float32",
      longestSum,
    };
  }
}

/** `|g|^2`; TensorFlow's `L2Loss`, half of it, is one pass instead of two. */
function squaresOf(g: tf.Tensor1D): number {
  const native = nativeBackend();
  if (!native) return tf.sum(tf.square(g)).dataSync()[0];
  return 2 * execute(native, "L2Loss", [attribute.float32("T")], [g])[0].dataSync()[0];
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}
