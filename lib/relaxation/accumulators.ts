import * as tf from "@tensorflow/tfjs";
import { attribute, execute, nativeBackend } from "../engine/native.js";

/**
 * All that a regret certificate needs to know of a run: sums over its steps of the gates `a_t` and their gradients `g_t`.
 *
 * For any comparator `u`, `sum_t <g_t, a_t - u> = scalar - <vector, u>`.
 */
export interface Accumulators {
  readonly steps: number;
  /** `sum_t <g_t, a_t>` */
  readonly scalar: number;
  /** `sum_t g_t`, [gateCount] */
  readonly vector: Float64Array;
  /** `sum_t |g_t|^2` */
  readonly squares: number;
  /** `max_t |g_t|_inf` */
  readonly largest: number;
  /** `sum_t g_{t,i}^2` for each gate, [gateCount]; for the adaptive update only. */
  readonly gateSquares: Float64Array | undefined;
  /** In what the gates were computed and the logits moved; the sums themselves are float64. */
  readonly precision: "float64" | "float32";
}

/** What one step adds. */
export interface StepSums {
  readonly scalar: number;
  readonly squares: number;
  readonly largest: number;
}

/** Sums of float64 gates and gradients. */
export class ReferenceAccumulators {
  private steps = 0;
  private scalar = 0;
  private squares = 0;
  private largest = 0;
  private readonly vector: Float64Array;
  private readonly gateSquares: Float64Array | undefined;

  constructor(gateCount: number, adaptive: boolean) {
    this.vector = new Float64Array(gateCount);
    this.gateSquares = adaptive ? new Float64Array(gateCount) : undefined;
  }

  add(a: Float64Array, g: Float64Array): void {
    for (let i = 0; i < g.length; i++) {
      this.vector[i] += g[i];
      this.scalar += g[i] * a[i];
      this.squares += g[i] * g[i];
      this.largest = Math.max(this.largest, Math.abs(g[i]));
    }
    if (this.gateSquares) for (let i = 0; i < g.length; i++) this.gateSquares[i] += g[i] * g[i];
    this.steps++;
  }

  read(): Accumulators {
    const { steps, scalar, squares, largest } = this;
    const gateSquares = this.gateSquares?.slice();
    return { steps, scalar, vector: this.vector.slice(), squares, largest, gateSquares, precision: "float64" };
  }

  load(saved: Accumulators): void {
    this.steps = saved.steps;
    this.scalar = saved.scalar;
    this.squares = saved.squares;
    this.largest = saved.largest;
    this.vector.set(saved.vector);
    if (saved.gateSquares) this.gateSquares?.set(saved.gateSquares);
  }
}

/** How many gradients are added one after the other in float32 before the sum moves to float64. */
export const foldedSteps = 64;

/** How many gradients wait to be summed in one call. */
const waitingSteps = 4;

/**
 * Sums of gates and gradients as tensors, in few calls: three numbers a step are read back; gradients wait and are
 * summed a few at a time, and the sum moves to float64 every {@link foldedSteps} steps.
 */
export class TensorAccumulators {
  private steps = 0;
  private scalar = 0;
  private squares = 0;
  private largest = 0;
  private readonly vector: Float64Array;
  private waiting: tf.Tensor1D[] = [];

  constructor(gateCount: number) {
    this.vector = new Float64Array(gateCount);
  }

  /** What a step would add, before anything is changed: not finite if the gradient isn't. */
  sums(a: tf.Tensor1D, g: tf.Tensor1D): StepSums {
    const [scalar, squares, high, low] = tf.tidy(() => {
      const parts = [tf.sum(tf.mul(g, a)), squaresOf(g), tf.max(g), tf.min(g)];
      return parts.map((part) => part.dataSync()[0]);
    });
    return { scalar, squares, largest: Math.max(high, -low) };
  }

  add(sums: StepSums, g: tf.Tensor1D): void {
    this.scalar += sums.scalar;
    this.squares += sums.squares;
    this.largest = Math.max(this.largest, sums.largest);
    this.steps++;
    this.waiting.push(tf.keep(tf.clone(g)));
    if (this.steps % foldedSteps === 0) this.fold();
    else if (this.steps % waitingSteps === 0) this.gather();
  }

  /** Copies of the sums; `gateSquares` is the adaptive update's own memory. */
  read(gateSquares: Float64Array | undefined): Accumulators {
    const folded = this.folded(gateSquares);
    for (const part of this.pending()) part.forEach((g, i) => (folded.vector[i] += g));
    return folded;
  }

  /** The sums without the gradients in {@link pending}. */
  folded(gateSquares: Float64Array | undefined): Accumulators {
    const { steps, scalar, squares, largest } = this;
    return { steps, scalar, vector: this.vector.slice(), squares, largest, gateSquares, precision: "float32" };
  }

  /** Gradients, some of them summed, that aren't in the float64 sum yet: as they are, so that the order of sums stays. */
  pending(): Float32Array[] {
    return this.waiting.map((part) => (part.dataSync() as Float32Array).slice());
  }

  load(saved: Accumulators, pending: readonly Float32Array[]): void {
    this.dispose();
    this.waiting = pending.map((part) => tf.keep(tf.tensor1d(part)));
    this.steps = saved.steps;
    this.scalar = saved.scalar;
    this.squares = saved.squares;
    this.largest = saved.largest;
    this.vector.set(saved.vector);
  }

  dispose(): void {
    tf.dispose(this.waiting);
    this.waiting = [];
  }

  /** Sums what waits into one tensor. */
  private gather(): void {
    if (this.waiting.length < 2) return;
    const sum = tf.keep(tf.tidy(() => tf.addN(this.waiting)));
    tf.dispose(this.waiting);
    this.waiting = [sum];
  }

  /** Moves what waits into the float64 sum. */
  private fold(): void {
    this.gather();
    const sum = this.waiting[0].dataSync();
    for (let i = 0; i < sum.length; i++) this.vector[i] += sum[i];
    this.dispose();
  }
}

function squaresOf(g: tf.Tensor1D): tf.Tensor {
  const native = nativeBackend();
  // TensorFlow's L2Loss, half the sum of squares, is one pass instead of two.
  return native ? tf.mul(execute(native, "L2Loss", [attribute.float32("T")], [g])[0], 2) : tf.sum(tf.square(g));
}
