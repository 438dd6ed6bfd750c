import * as tf from "@tensorflow/tfjs";
import { compiled } from "../engine/index.js";
import { attribute, downloaded, execute, nativeBackend, uploaded } from "../engine/native.js";
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
  readonly gateSquares: Numbers | undefined;
  /** The lowest and the highest logit of each gate so far, each [gateCount]; in float32 for the adaptive update only. */
  readonly range: LogitRange | undefined;
  /** Where the logits are now, [gateCount]. */
  readonly logits: Numbers;
  /** In what the gates were computed and the logits moved. */
  readonly precision: "float64" | "float32";
  /** How many terms were at most added one after the other in that precision. */
  readonly longestSum: number;
}

/** A vector in the precision in which it was computed. */
export type Numbers = Float64Array | Float32Array;

/** Where the logits have been. */
export interface LogitRange {
  readonly lowest: Numbers;
  readonly highest: Numbers;
  /** How many steps in a row weren't looked at, at most: between them a logit may have been farther out. */
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

/** How many steps of float32 wait to be added in one call; where they are very large, memory counts and none waits. */
const patience = { of: 8, upTo: 1_000_000 };

/** The range of the logits is looked at every so many steps, which saves time. */
const lookEvery = 4;

/** The float32 parts of {@link TensorAccumulators} that aren't in float64 yet. */
export interface PendingSums {
  readonly products: Float32Array;
  readonly vector: Float32Array;
}

/** The size of a gradient. */
export interface Measured {
  readonly squares: number;
  readonly largest: number;
}

/**
 * Sums of gates and gradients as tensors. Steps wait and are added a few at a time; every {@link foldedSteps} steps the
 * sums move to float64.
 */
export class TensorAccumulators {
  private steps = 0;
  private squares = 0;
  private largest = 0;
  /** The float64 parts. */
  private readonly products: Float64Array;
  private readonly vector: Float64Array;
  /** The float32 parts of products and vector; then, where they are wanted, the lowest and the highest logits. */
  private current: tf.Tensor1D[];
  /** Gates and gradients that aren't in the sums yet, and the logits that are to be looked at. */
  private waiting: { readonly a: tf.Tensor1D[]; readonly g: tf.Tensor1D[]; readonly logits: tf.Tensor1D[] };
  private readonly patience: number;

  constructor(initialLogits: tf.Tensor1D, ranged: boolean) {
    this.products = new Float64Array(initialLogits.size);
    this.vector = new Float64Array(initialLogits.size);
    // Copies: a clone would share the memory of logits that may change in place.
    const range = ranged ? [tf.mul<tf.Tensor1D>(initialLogits, 1), tf.mul<tf.Tensor1D>(initialLogits, 1)] : [];
    this.current = kept([...this.zeros(), ...range]);
    this.waiting = { a: [], g: [], logits: [] };
    this.patience = initialLogits.size > patience.upTo ? 1 : patience.of;
  }

  /** The size of a gradient, before anything is changed; the sum of squares isn't finite if the gradient isn't. */
  static measure(g: tf.Tensor1D, needsLargest: boolean): Measured {
    return tf.tidy(() => {
      const squares = squaresOf(g);
      // No entry is larger than the length of the whole.
      if (!needsLargest) return { squares, largest: Math.sqrt(squares) };
      return { squares, largest: largestEntry(g) };
    });
  }

  /** Adds a step: its gates and their gradient, and where it has moved the logits. */
  add(a: tf.Tensor1D, g: tf.Tensor1D, logits: tf.Tensor1D, measured: Measured): void {
    const { waiting } = this;
    waiting.a.push(tf.keep(tf.clone(a)));
    waiting.g.push(tf.keep(tf.clone(g)));
    if (this.ranged && this.looks) waiting.logits.push(tf.keep(tf.clone(logits)));
    if (waiting.a.length === this.patience) this.gather();
    this.added(measured);
  }

  /** The sums that an op is to add a step to in place, and whether it is to look at the logits. */
  next(): { readonly sums: readonly tf.Tensor1D[]; readonly looks: boolean } {
    this.gather();
    return { sums: this.current, looks: this.looks };
  }

  /** Is told that the step has been added. */
  added({ squares, largest }: Measured): void {
    this.steps++;
    this.squares += squares;
    this.largest = Math.max(this.largest, largest);
    if (this.steps % foldedSteps === 0) this.fold();
  }

  /** Whether the step that comes is one at whose logits the range looks. */
  private get looks(): boolean {
    return (this.steps + 1) % lookEvery === 0;
  }

  /** Moves the sums to float64. */
  private fold(): void {
    this.addTo(this.products, this.vector);
    tf.dispose(this.current.slice(0, 2));
    this.current.splice(0, 2, ...kept(this.zeros()));
  }

  /** The sums, copied unless the run has ended; `gateSquares` is the adaptive update's own memory. */
  read(logits: Numbers, gateSquares: Numbers | undefined, ended: boolean): Accumulators {
    const products = ended ? this.products : this.products.slice();
    const vector = ended ? this.vector : this.vector.slice();
    if (ended) this.fold();
    else this.addTo(products, vector);
    return this.sums({ products, vector }, logits, gateSquares);
  }

  /** The float64 parts, and what isn't in them yet, as it is, so that a run that goes on adds in the same order. */
  save(logits: Numbers, gateSquares: Numbers | undefined): { accumulators: Accumulators; pending: PendingSums } {
    this.gather();
    const [products, vector] = this.current.map((sum) => downloaded(sum));
    const folded = { products: this.products.slice(), vector: this.vector.slice() };
    return { accumulators: this.sums(folded, logits, gateSquares), pending: { products, vector } };
  }

  load(saved: Accumulators, pending: PendingSums): void {
    this.steps = saved.steps;
    this.squares = saved.squares;
    this.largest = saved.largest;
    this.products.set(saved.products);
    this.vector.set(saved.vector);
    const range = saved.range ? [saved.range.lowest, saved.range.highest] : [];
    this.dispose();
    const parts = [pending.products, pending.vector, ...range];
    this.current = kept(parts.map((part) => uploaded(part)));
  }

  dispose(): void {
    tf.dispose([this.current, ...Object.values(this.waiting)]);
    this.waiting = { a: [], g: [], logits: [] };
  }

  private get ranged(): boolean {
    return this.current.length > 2;
  }

  /** Adds what waits, term by term in its order: however many wait, the sums are the same to the bit. */
  private gather(): void {
    const { a, g, logits } = this.waiting;
    if (a.length === 0) return;
    const sums = kept(this.gathered(...this.current, ...a, ...g, ...logits) as tf.Tensor1D[]);
    this.dispose();
    this.current = sums;
  }

  /** Compiled once for each number of steps that wait: how many inputs there are tells how many of each kind. */
  private readonly gathered = compiled((...given) => {
    const take = (count: number): tf.Tensor1D[] => given.splice(0, count) as tf.Tensor1D[];
    const [products, vector, ...range] = take(this.current.length);
    const { a, g, logits } = this.waiting;
    const [gates, gradients, moved] = [take(a.length), take(g.length), take(logits.length)];
    const terms = gradients.map((gradient, i) => tf.mul<tf.Tensor1D>(gradient, gates[i]));
    const ends = [tf.minimum<tf.Tensor1D>, tf.maximum<tf.Tensor1D>];
    return [
      tf.addN([products, ...terms]),
      tf.addN([vector, ...gradients]),
      ...range.map((extreme, side) => moved.reduce((seen, next) => ends[side](seen, next), extreme)),
    ];
  });

  private zeros(): tf.Tensor1D[] {
    return [tf.fill<tf.Rank.R1>([this.vector.length], 0), tf.fill<tf.Rank.R1>([this.vector.length], 0)];
  }

  /** Adds the float32 parts to vectors of float64. */
  private addTo(...vectors: readonly [products: Float64Array, vector: Float64Array]): void {
    this.gather();
    vectors.forEach((all, s) => {
      const part = this.current[s].dataSync<"float32">();
      for (let i = 0; i < part.length; i++) all[i] += part[i];
    });
  }

  private sums(
    { products, vector }: { products: Float64Array; vector: Float64Array },
    logits: Numbers,
    gateSquares: Numbers | undefined,
  ): Accumulators {
    const { steps, squares, largest } = this;
    const [lowest, highest] = this.current.slice(2).map((extreme) => downloaded(extreme));
    return {
      steps,
      scalar: sum(products),
      products,
      vector,
      squares,
      largest,
      gateSquares,
      range: this.ranged ? { lowest, highest, unseen: lookEvery - 1 } : undefined,
      logits,
      precision: "float32",
      longestSum: Math.min(steps, foldedSteps),
    };
  }
}

function kept(tensors: readonly tf.Tensor1D[]): tf.Tensor1D[] {
  return tensors.map((tensor) => tf.keep(tensor));
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
