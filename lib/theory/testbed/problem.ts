import { Random } from "../../engine/index.js";
import { TwotempError } from "../../errors.js";

/** What makes a subset-selection problem; the defaults are the testbed's. */
export interface SubsetProblemOptions {
  /** Logistic regression (default) or its twin, linear regression. */
  readonly kind?: "logistic" | "linear";
  /** Number of gates `D`, one a feature; default 12. */
  readonly gateCount?: number;
  /** Number of points; default 400. */
  readonly points?: number;
  /** Part of the features that the labels are made from; default 0.4. */
  readonly density?: number;
  /** Price of complexity `gamma`; default 0.15. */
  readonly penalty?: number;
  readonly seed?: number;
}

/** The numbers that a subset-selection problem is made of. */
export interface SubsetData {
  readonly kind: "logistic" | "linear";
  readonly gateCount: number;
  /** `gamma` */
  readonly penalty: number;
  /** `x_ji w_i`, [points, gateCount] */
  readonly products: Float64Array;
  /** 1 or -1 for logistic, any number for linear, [points] */
  readonly labels: Float64Array;
}

/** Subset selection with fixed weights: `L(a) = mean_j loss(<x_j, w a>, y_j) + gamma sum_i a_i / D`, convex in the gates. */
export interface SubsetProblem extends SubsetData {
  readonly points: number;
  /** `S`, the Lipschitz constant of the gradient. */
  readonly smoothness: number;
  /** `L(a)` over all points or some. */
  loss(a: ArrayLike<number>, rows?: ArrayLike<number>): number;
  /** `grad L(a)` over all points or some. */
  gradient(a: ArrayLike<number>, rows?: ArrayLike<number>): Float64Array;
}

/**
 * Draws a problem of the exactly solvable testbed.
 *
 * `x` is standard normal, `w` is 1.5 times standard normal, the labels come from a random vertex: their sign for logistic
 * regression, with noise of deviation 0.1 for linear.
 *
 * @throws TwotempError `theory/problem` for sizes that can't be
 * @example
 * ```ts
 * const problem = subsetProblem({ seed: 3 });
 * enumerate(problem).loss; // the best of all 4,096 architectures
 * ```
 * Source: "How tight it is" in this project's method notes (docs/theory.md).
 */
export function subsetProblem(options: SubsetProblemOptions = {}): SubsetProblem {
  const { kind = "logistic", gateCount = 12, points = 400, density = 0.4, penalty = 0.15, seed = 0 } = options;
  if (!Number.isInteger(gateCount) || gateCount < 1 || gateCount > 30) {
    throw new TwotempError("theory/problem", `gateCount must be a whole number from 1 to 30; got ${gateCount}`);
  }
  if (!Number.isInteger(points) || points < 1) {
    throw new TwotempError("theory/problem", `points must be a whole number above 0; got ${points}`);
  }
  if (!(density >= 0 && density <= 1) || !(penalty >= 0 && penalty < Infinity)) {
    throw new TwotempError(
      "theory/problem",
      `density must be in [0, 1] and penalty at least 0; got ${density}, ${penalty}`,
    );
  }
  const random = new Random(seed, "subset problem", kind);
  const weights = Float64Array.from({ length: gateCount }, () => 1.5 * random.normal());
  const products = Float64Array.from(
    { length: points * gateCount },
    (_, at) => random.normal() * weights[at % gateCount],
  );
  const truth = new Float64Array(gateCount);
  for (const i of random.permutation(gateCount, Math.round(density * gateCount))) truth[i] = 1;
  const clean = predictions(products, gateCount, truth, undefined);
  const labels = clean.map((z) => (kind === "linear" ? z + 0.1 * random.normal() : z > 0 ? 1 : -1));
  return problemOf({ kind, gateCount, penalty, products, labels });
}

/** The problem that its numbers make. */
export function problemOf(data: SubsetData): SubsetProblem {
  const { kind, gateCount, penalty, products, labels } = data;
  // The derivative of a point's loss with respect to its prediction, and the loss.
  const slope = (z: number, y: number): number => (kind === "linear" ? z - y : -y / (1 + Math.exp(y * z)));
  const pointLoss = (z: number, y: number): number => (kind === "linear" ? (z - y) ** 2 / 2 : softplus(-y * z));
  const price = penalty / gateCount;

  return {
    ...data,
    points: labels.length,
    smoothness: (kind === "linear" ? 1 : 0.25) * largestEigenvalue(products, gateCount),
    loss(a, rows) {
      const z = predictions(products, gateCount, a, rows);
      let sum = 0;
      for (let j = 0; j < z.length; j++) sum += pointLoss(z[j], labels[rows ? rows[j] : j]);
      let open = 0;
      for (let i = 0; i < gateCount; i++) open += a[i];
      return sum / z.length + price * open;
    },
    gradient(a, rows) {
      const z = predictions(products, gateCount, a, rows);
      const gradient = new Float64Array(gateCount).fill(price);
      for (let j = 0; j < z.length; j++) {
        const row = rows ? rows[j] : j;
        const d = slope(z[j], labels[row]) / z.length;
        for (let i = 0; i < gateCount; i++) gradient[i] += d * products[row * gateCount + i];
      }
      return gradient;
    },
  };
}

/** `log(1 + exp(x))` without overflow. */
function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

function predictions(
  products: Float64Array,
  gateCount: number,
  a: ArrayLike<number>,
  rows: ArrayLike<number> | undefined,
): Float64Array {
  const z = new Float64Array(rows ? rows.length : products.length / gateCount);
  for (let j = 0; j < z.length; j++) {
    const row = (rows ? rows[j] : j) * gateCount;
    for (let i = 0; i < gateCount; i++) z[j] += products[row + i] * a[i];
  }
  return z;
}

/** The largest eigenvalue of `Z^T Z / points` by power iteration, rounded up by what it may still lack. */
function largestEigenvalue(products: Float64Array, gateCount: number): number {
  const points = products.length / gateCount;
  let vector: Float64Array = new Float64Array(gateCount).fill(1);
  let value = 0;
  for (let iteration = 0; iteration < 2000; iteration++) {
    const z = predictions(products, gateCount, vector, undefined);
    const next = new Float64Array(gateCount);
    for (let j = 0; j < points; j++) {
      for (let i = 0; i < gateCount; i++) next[i] += (z[j] * products[j * gateCount + i]) / points;
    }
    const size = Math.hypot(...next);
    if (size === 0) return 0;
    vector = next.map((x) => x / size);
    if (Math.abs(size - value) <= 1e-14 * size) break;
    value = size;
  }
  return value * (1 + 1e-9);
}
