import { gate, gateSlope, mirrorInverse, mirrorMap } from "../relaxation/index.js";

/** Points and weights of Gauss and Legendre's rule with 8 points on [-1, 1], the positive half. */
const points = [0.1834346424956498, 0.525532409916329, 0.7966664774136267, 0.9602898564975363];
const weights = [0.362683783378362, 0.3137066458778873, 0.2223810344533745, 0.1012285362903763];

/**
 * The Bregman divergence of the two-temperature mirror map, for one gate.
 *
 * `V(x; z) = integral from z to x of (s_tc(s) - s_tc(z)) / s_th'(s) ds = P(x) - P(z) - s_tc(z) (y(x) - y(z))`
 *
 * with `P(x) = integral of s_tc y'` from `-R` and `y` the mirror map. `P` has no closed form for general temperatures;
 * it is integrated once over cells of half a cold temperature, where eight points are exact to rounding (the nearest
 * pole of the gate is `pi tc` away from the real line), and then from the nearest node.
 *
 * @param cold - forward temperature `tc`
 * @param hot - backward temperature `th`
 * @param radius - the box `[-R, R]` of the logits
 * @example
 * ```ts
 * const divergence = new Divergence(0.05, 1, 3);
 * divergence.between(0, 3) / (0.05 * 1); // 2.777: from a half-open gate to an open one
 * ```
 * Source: "Theorem 1" in this project's method notes (docs/theory.md).
 */
export class Divergence {
  private readonly width: number;
  private readonly nodes: Float64Array;

  constructor(
    private readonly cold: number,
    private readonly hot: number,
    private readonly radius: number,
  ) {
    const cells = Math.max(2, Math.ceil((4 * radius) / cold));
    this.width = (2 * radius) / cells;
    this.nodes = new Float64Array(cells + 1);
    for (let cell = 0; cell < cells; cell++) {
      const from = -radius + cell * this.width;
      this.nodes[cell + 1] = this.nodes[cell] + this.integrate(from, from + this.width);
    }
  }

  /** `V` from the gate of logit `from` to the comparator of logit `to`, both in the box; at least 0. */
  between(from: number, to: number): number {
    // For a comparator above 1/2 the mirror image loses no digits.
    if (to > 0) return this.between(-from, -to);
    const change = mirrorMap(from, this.hot) - mirrorMap(to, this.hot);
    return Math.max(0, this.integral(from) - this.integral(to) - gate(to, this.cold) * change);
  }

  /** The logit of the box whose dual variable is `change` away from that of `logit`, or the end of the box that lies before it. */
  moved(logit: number, change: number): number {
    const away = mirrorInverse(mirrorMap(logit, this.hot) + change, this.hot, logit);
    return Math.min(this.radius, Math.max(-this.radius, away));
  }

  /**
   * `V` to one comparator for very many gates, from where their logits are or from `change` of their dual variables away (see
   * {@link moved}): Hermite's cubic interpolation, whose slopes `(s_tc(z) - u) / s_th'(x)` at a logit `x` that has moved to
   * `z` are known; off by less than 1e-6 of the largest value. Where `z` moves much faster than `x`, each is computed by itself.
   */
  interpolated(to: number, change: number = 0): (from: number) => number {
    const u = gate(to, this.cold);
    const movedTo = (x: number): number => (change === 0 ? x : this.moved(x, change));
    // `z` moves faster where it is nearer to 0, by most where it is at 0.
    const steepness = gateSlope(0, this.hot) / gateSlope(this.moved(0, change), this.hot);
    if (steepness > 4) return (from) => this.between(movedTo(from), to);
    // Logits nearer to the end towards which they move all come to that end.
    const lowest = change < 0 ? this.moved(-this.radius, -change) : -this.radius;
    const highest = change > 0 ? this.moved(this.radius, -change) : this.radius;
    const cells = Math.max(1, Math.ceil((16 * steepness * (highest - lowest)) / this.cold));
    const width = Math.max((highest - lowest) / cells, Number.MIN_VALUE);
    const values = new Float64Array(cells + 1);
    const slopes = new Float64Array(cells + 1);
    for (let node = 0; node <= cells; node++) {
      const x = Math.min(highest, lowest + node * width);
      const z = movedTo(x);
      values[node] = this.between(z, to);
      slopes[node] = ((gate(z, this.cold) - u) / gateSlope(x, this.hot)) * width;
    }
    return (from) => {
      const at = Math.min(highest - lowest, Math.max(0, from - lowest)) / width;
      const cell = Math.min(cells - 1, Math.floor(at));
      const t = at - cell;
      const rest = 1 - t;
      const ends = values[cell] * (1 + 2 * t) * rest * rest + values[cell + 1] * t * t * (3 - 2 * t);
      return ends + (slopes[cell] * rest - slopes[cell + 1] * t) * t * rest;
    };
  }

  /** The largest `V` between two points of the box: from one end to the other. */
  get largest(): number {
    return this.between(this.radius, -this.radius);
  }

  /** `P(x)` */
  private integral(x: number): number {
    const cells = this.nodes.length - 1;
    const node = Math.min(cells, Math.max(0, Math.round((x + this.radius) / this.width)));
    return this.nodes[node] + this.integrate(-this.radius + node * this.width, x);
  }

  private integrate(from: number, to: number): number {
    const middle = (from + to) / 2;
    const half = (to - from) / 2;
    let sum = 0;
    for (let k = 0; k < points.length; k++) {
      const left = middle - half * points[k];
      const right = middle + half * points[k];
      sum += weights[k] * (this.integrand(left) + this.integrand(right));
    }
    return half * sum;
  }

  /** `s_tc(x) / s_th'(x)` */
  private integrand(x: number): number {
    return gate(x, this.cold) * 2 * this.hot * (1 + Math.cosh(x / this.hot));
  }
}

/**
 * `V0(u)`: the divergence from the gates at the start to a vertex of the box, summed over the gates.
 *
 * @param initialLogits - [gateCount]
 * @param mask - for each gate whether the vertex has it open, [gateCount]
 * @example
 * ```ts
 * initialDivergence([0, 0], [1, 0], { coldTemperature: 0.05, hotTemperature: 1, logitBound: 3 }); // 0.2777
 * ```
 * Source: "Theorem 1" in this project's method notes (docs/theory.md).
 */
export function initialDivergence(
  initialLogits: ArrayLike<number>,
  mask: ArrayLike<number | boolean>,
  box: { readonly coldTemperature: number; readonly hotTemperature: number; readonly logitBound: number },
): number {
  const divergence = new Divergence(box.coldTemperature, box.hotTemperature, box.logitBound);
  let total = 0;
  for (let i = 0; i < initialLogits.length; i++) {
    total += divergence.between(initialLogits[i], mask[i] ? box.logitBound : -box.logitBound);
  }
  return total;
}
