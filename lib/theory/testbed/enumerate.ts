import type { SubsetProblem } from "./problem.js";

/** The best of all architectures of a problem. */
export interface Optimum {
  readonly mask: Uint8Array;
  readonly loss: number;
  /** The loss of every vertex, where asked for: gate `i` is bit `i` of the index, [2^gateCount]. */
  readonly losses: Float64Array | undefined;
}

/** Flips after which predictions are computed anew, so that rounding doesn't add up. */
const freshEvery = 4096;

/** Factors `1 + exp(-m)` multiplied before a logarithm is taken: each is below `exp(60)` for margins above -60. */
const factorsPerLogarithm = 8;

/**
 * Looks at all `2^D` architectures, by a Gray-code walk: one gate is flipped at a time.
 *
 * For logistic regression a flip multiplies `exp(-y_j z_j)` by a factor known beforehand, and
 * `sum_j log(1 + e_j) = log prod_j (1 + e_j)`: two multiplications a point and flip, no exponential. Linear regression goes
 * through the Gram matrix. 20 gates take seconds.
 *
 * @param keep - whether to return the loss of every vertex
 *
 * Source: "How tight it is" in this project's method notes (docs/theory.md).
 */
export function enumerate(problem: SubsetProblem, keep: boolean = false): Optimum {
  const { gateCount, penalty } = problem;
  const walk = problem.kind === "logistic" ? logisticWalk(problem) : linearWalk(problem);
  const losses = keep ? new Float64Array(2 ** gateCount) : undefined;
  const vertices = 2 ** gateCount;
  let code = 0;
  let open = 0;
  let best = 0;
  let lowest = Infinity;
  for (let k = 0; k < vertices; k++) {
    if (k > 0) {
      // The gate that changes between the Gray codes of k - 1 and k is the lowest set bit of k.
      const flipped = 31 - Math.clz32(k & -k);
      code ^= 1 << flipped;
      const on = (code >> flipped) & 1;
      open += on === 1 ? 1 : -1;
      walk.flip(flipped, on === 1);
    }
    if (k % freshEvery === 0) walk.start(code);
    const loss = walk.loss() + (penalty * open) / gateCount;
    if (losses) losses[code] = loss;
    if (loss < lowest) [best, lowest] = [code, loss];
  }
  const mask = Uint8Array.from({ length: gateCount }, (_, i) => (best >> i) & 1);
  // The sum as everybody else computes it.
  return { mask, loss: problem.loss(mask), losses };
}

/** A way to follow the loss, without its price, from vertex to neighbouring vertex. */
interface Walk {
  start(code: number): void;
  flip(gate: number, on: boolean): void;
  loss(): number;
}

function logisticWalk({ products, labels, gateCount, points }: SubsetProblem): Walk {
  // exp(-y x w) for a gate that opens, and its inverse for one that shuts; [gateCount, points].
  const opening = new Float64Array(gateCount * points);
  for (let i = 0; i < gateCount; i++) {
    for (let j = 0; j < points; j++) opening[i * points + j] = Math.exp(-labels[j] * products[j * gateCount + i]);
  }
  const shutting = opening.map((factor) => 1 / factor);
  const e = new Float64Array(points);
  return {
    start(code) {
      for (let j = 0; j < points; j++) {
        let margin = 0;
        for (let i = 0; i < gateCount; i++) if ((code >> i) & 1) margin += products[j * gateCount + i];
        e[j] = Math.exp(-labels[j] * margin);
      }
    },
    flip(gate, on) {
      const factors = (on ? opening : shutting).subarray(gate * points, (gate + 1) * points);
      for (let j = 0; j < points; j++) e[j] *= factors[j];
    },
    loss() {
      let sum = 0;
      let product = 1;
      for (let j = 0; j < points; j++) {
        product *= 1 + e[j];
        if ((j + 1) % factorsPerLogarithm === 0) {
          sum += Math.log(product);
          product = 1;
        }
      }
      return (sum + Math.log(product)) / points;
    },
  };
}

function linearWalk({ products, labels, gateCount, points }: SubsetProblem): Walk {
  // mean (z - y)^2 / 2 = a^T Q a / 2 - a^T c + d
  const gram = new Float64Array(gateCount * gateCount);
  const moment = new Float64Array(gateCount);
  let constant = 0;
  for (let j = 0; j < points; j++) {
    const row = products.subarray(j * gateCount, (j + 1) * gateCount);
    constant += labels[j] ** 2 / (2 * points);
    for (let i = 0; i < gateCount; i++) {
      moment[i] += (labels[j] * row[i]) / points;
      for (let k = 0; k < gateCount; k++) gram[i * gateCount + k] += (row[i] * row[k]) / points;
    }
  }
  let open: number[] = [];
  let value = 0;
  const flipTo = (gate: number, on: boolean): void => {
    if (!on) open = open.filter((other) => other !== gate);
    let change = gram[gate * gateCount + gate] / 2 - moment[gate];
    for (const other of open) change += gram[gate * gateCount + other];
    value += on ? change : -change;
    if (on) open.push(gate);
  };
  return {
    start(code) {
      open = [];
      value = constant;
      for (let i = 0; i < gateCount; i++) if ((code >> i) & 1) flipTo(i, true);
    },
    flip: flipTo,
    loss: () => value,
  };
}
