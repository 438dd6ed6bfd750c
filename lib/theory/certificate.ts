import { TwotempError } from "../errors.js";
import {
  type Accumulators,
  estimators,
  gate,
  gateSlope,
  mirrorInverse,
  mirrorMap,
  type Numbers,
  type RelaxationSettings,
} from "../relaxation/index.js";
import { type Assumption, type Bound, bound, unmet } from "./bound.js";
import { Divergence } from "./divergence.js";

/** What of a relaxation's settings a certificate looks at. */
export type CertifiedSettings = Pick<
  RelaxationSettings<Numbers>,
  "estimator" | "update" | "coldTemperature" | "hotTemperature" | "logitBound" | "stepSize" | "initialLogits"
>;

/** The regret of a run, bounded at the architecture that it ended with, at the worst one for it, and gate by gate. */
export class Certificate {
  /** Whether all of them hold; undefined where no theorem covers the run, or the bound is infinite or less than rounding. */
  readonly holds: boolean | undefined;

  constructor(
    readonly steps: number,
    readonly atFinal: Bound,
    readonly atWorst: Bound,
    /** The gate that takes most of its own share of the bound; undefined where that is known of none. */
    readonly atTightestGate: Bound | undefined,
    /** The other side, at the final gates themselves; undefined where it isn't known of any gate that it was never clipped. */
    readonly fromBelow: Bound | undefined,
  ) {
    const all = [atFinal, atWorst, atTightestGate, fromBelow].map((side) => side?.holds);
    const unknown = all[0] === undefined || all[1] === undefined;
    this.holds = all.includes(false) ? false : unknown ? undefined : true;
  }

  /** As {@link describeCertificate}. */
  toString(): string {
    return describeCertificate(this);
  }
}

/**
 * The regret certificate of a run, from its accumulators only.
 *
 * For `mirror` and `euler`, Theorem 1: for every sequence of gradients and every comparator `u` in the box,
 *
 * `sum_t <g_t, a_t - u> <= V0(u) / eta + eta / 2 K sum_t |g_t|^2`,
 *
 * `K = 1 / (16 tc th)` for `mirror`; `K = k / (16 tc th) + k^2 / (6 sqrt(3) th^2)` with `k = exp(eta G / (4 th^2))` and
 * `G = max_t |g_t|_inf` for `euler`. For `adaptive`, Theorem 8: with `S_i = sum_t g_{t,i}^2`,
 *
 * `sum_t <g_t, a_t - u> <= sum_i (V_i / alpha + alpha / (16 tc th)) sqrt(S_i)`,
 *
 * since `sum_t g_t^2 / sqrt(S_t) <= 2 sqrt(S_T)`; `V_i` is the divergence to `u_i` from the logit farthest from it that the
 * gate has had (in float32, where it is looked at every fourth step, three steps farther out): the largest of its path, because the
 * divergence falls towards `u_i`. All three also hold for each gate alone. No theorem covers `adam`, or
 * gates that aren't those of the cold temperature: the certificate says so and holds no bound. Nor does it where the bound
 * is infinite, or where rounding alone may add more than all of it.
 *
 * From below, for the gates that were never clipped and the comparator `a_T`, the final gates:
 *
 * `V0(a_T) / eta <= sum_t <g_t, a_t - a_T> + eta k^2 / (12 sqrt(3) th^2) sum_t |g_t|^2`
 *
 * without the last term for `mirror`, and with 0 on the left for `adaptive`. The first side can't see gates that are read after the
 * update instead of before, which only lowers the regret; this one does.
 *
 * The bounds hold for every sequence of gradients, so a violation beyond {@link Bound.tolerance} is a fault of the code;
 * for the same reason they can't tell whether the gradients are those of the right loss.
 *
 * @param accumulators - of the run
 * @param settings - of the run
 * @param mask - the final architecture: for each gate whether it is open, [gateCount]
 * @throws TwotempError `theory/mask` for a mask of another size
 * @example
 * ```ts
 * certificate(relaxation.accumulators(), relaxation.settings, mask).atWorst.ratio; // at most 1, whatever the objective
 * ```
 * Source: Theorems 1 and 8 of this project's method notes (docs/theory.md).
 */
export function certificate(
  accumulators: Accumulators,
  settings: CertifiedSettings,
  mask: ArrayLike<number | boolean>,
): Certificate {
  const { vector, steps } = accumulators;
  if (mask.length !== vector.length) {
    const wanted = `the mask must have one entry a gate, ${vector.length} in all`;
    throw new TwotempError("theory/mask", `${wanted}; got ${mask.length}`);
  }
  const regret = new Regret(accumulators, settings);
  const { atFinal, atWorst, atTightestGate, scale } = regret.fromAbove(mask);
  return new Certificate(steps, atFinal, atWorst, atTightestGate, regret.fromBelow(scale));
}

/**
 * Throws if a certificate is violated, naming step, gate and terms: the code has a fault then, whatever the data are.
 *
 * @throws TwotempError `theory/violated`
 */
export function assertCertificate({ steps, atFinal, atWorst, atTightestGate, fromBelow }: Certificate): void {
  for (const side of [atTightestGate, atWorst, atFinal, fromBelow]) {
    if (side?.holds !== false) continue;
    const terms = Object.entries(side.terms).map(([name, value]) => `${name} ${value}`);
    throw new TwotempError(
      "theory/violated",
      `${side.theorem} is violated after step ${steps}: ${side.what} is ${side.left}, above ${side.right} (${terms.join(", ")}); ` +
        "this is a fault of the code, not of the data: please report it",
    );
  }
}

/** A certificate in a line or two, for people. */
export function describeCertificate({ steps, atFinal, atWorst }: Certificate): string {
  const missing = unmet(atFinal) || unmet(atWorst);
  if (missing) return `No bound after ${steps} steps: ${missing}.`;
  return [atFinal, atWorst]
    .map(({ theorem, what, left, right, ratio, holds }) => {
      const share = `${left!.toPrecision(4)} of at most ${right!.toPrecision(4)} (${(100 * ratio!).toFixed(1)} %)`;
      return `${theorem}, ${what} after ${steps} steps: ${share}${holds ? "" : ": VIOLATED, a fault of the code"}`;
    })
    .join("\n");
}

/**
 * The constant of the `euler` bound: `k / (16 tc th) + k^2 / (6 sqrt(3) th^2)` with `k = exp(eta G / (4 th^2))`.
 *
 * @param largestMove - `eta G`
 *
 * Source: Theorem 1 of this project's method notes (docs/theory.md).
 */
export function eulerConstant(cold: number, hot: number, largestMove: number): number {
  const k = Math.exp(largestMove / (4 * hot * hot));
  return k / (16 * cold * hot) + (k * k) / (6 * Math.sqrt(3) * hot * hot);
}

/** The terms of the inequality, for all gates together and for each alone. */
class Regret {
  private readonly theorem: string;
  private readonly assumptions: readonly Assumption[];
  private readonly divergence: Divergence;
  private readonly gateCount: number;
  /** How far the dual variable of a gate may have been beyond where it was seen. */
  private readonly unseen: number;
  /** The gate of a shut and of an open one, at the ends of the box. */
  private readonly vertices: readonly number[];
  /** `V` to a shut and to an open gate, from the logit farthest from it that a gate is known to have had. */
  private readonly toVertex: readonly ((logit: number) => number)[];

  constructor(
    private readonly sums: Accumulators,
    private readonly settings: CertifiedSettings,
  ) {
    const { estimator, update, coldTemperature, hotTemperature, logitBound, stepSize } = settings;
    this.theorem = update === "adaptive" ? "Theorem 8" : "Theorem 1";
    this.assumptions = [
      { text: `no theorem covers the update ${update}`, holds: update !== "adam" },
      { text: `no theorem covers the gates of the estimator ${estimator}`, holds: estimators[estimator].certified },
    ];
    this.divergence = new Divergence(coldTemperature, hotTemperature, logitBound);
    this.gateCount = sums.vector.length;
    this.vertices = [-logitBound, logitBound].map((end) => gate(end, coldTemperature));
    // No step moves the dual variable by more than alpha: |g| is at most the root of its own sum of squares.
    this.unseen = this.adaptive ? sums.range!.unseen * stepSize : 0;
    // In float32 there are so many gates, and so much rounding, that interpolation is enough; in float64 every step is seen.
    this.toVertex = [-1, 1].map((side) =>
      sums.precision === "float32"
        ? this.divergence.interpolated(side * logitBound, -side * this.unseen)
        : remembered((logit) => this.divergence.between(logit, side * logitBound)),
    );
  }

  /**
   * At the final architecture, at the worst one, where `<vector, u>` is smallest, and at the gate that takes most of its own
   * share: in one pass, as there may be millions of gates.
   */
  fromAbove(mask: ArrayLike<number | boolean>): {
    readonly atFinal: Bound;
    readonly atWorst: Bound;
    readonly atTightestGate: Bound | undefined;
    /** The right side at the worst architecture. */
    readonly scale: number;
  } {
    const { gateSquares, vector } = this.sums;
    const final = { left: 0, divergenceTerm: 0 };
    const worst = { left: 0, divergenceTerm: 0 };
    let tightest: readonly [gate: number, left: number, divergenceTerm: number] | undefined;
    let most = -Infinity;
    let farthest = 0;
    for (let i = 0; i < this.gateCount; i++) {
      const open = vector[i] <= 0;
      const left = this.gateRegret(i, open);
      const divergenceTerm = this.divergenceTerm(i, open);
      worst.left += left;
      worst.divergenceTerm += divergenceTerm;
      farthest = Math.max(farthest, this.farthest(i));
      const alike = Boolean(mask[i]) === open;
      final.left += alike ? left : this.gateRegret(i, !open);
      final.divergenceTerm += alike ? divergenceTerm : this.divergenceTerm(i, !open);
      if (!gateSquares || gateSquares[i] === 0) continue;
      // Most above its tolerance first.
      const right = divergenceTerm + this.gradientTerm(gateSquares[i]);
      const tolerance = this.tolerance(1, gateSquares[i], this.inverseStep(i), this.farthest(i), right);
      if (!tells(left, right, tolerance, right)) continue;
      const excess = (left - tolerance) / right;
      if (excess > most || Number.isNaN(excess)) {
        most = Number.isNaN(excess) ? Infinity : excess;
        tightest = [i, left, divergenceTerm];
      }
    }
    const atWorst = this.together("regret at the worst architecture", worst.left, worst.divergenceTerm, farthest);
    return {
      atFinal: this.together("regret at the final architecture", final.left, final.divergenceTerm, farthest),
      atWorst,
      atTightestGate: tightest && this.alone(...tightest),
      scale: worst.divergenceTerm + atWorst.terms["gradient term"],
    };
  }

  /** The inequality of all gates, from the sums of what each adds. */
  private together(what: string, left: number, divergenceTerm: number, farthest: number): Bound {
    const { squares, gateSquares } = this.sums;
    let gradientTerm = this.gradientTerm(squares);
    let inverseSteps = this.gateCount / this.settings.stepSize;
    if (this.adaptive) {
      let roots = 0;
      for (let i = 0; i < this.gateCount; i++) roots += Math.sqrt(gateSquares![i]);
      inverseSteps = roots / this.settings.stepSize;
      gradientTerm = this.gradientTerm(roots * roots);
    }
    return this.bound(what, left, divergenceTerm, gradientTerm, this.gateCount, squares, inverseSteps, farthest);
  }

  /** The inequality of one gate. */
  private alone(i: number, left: number, divergenceTerm: number): Bound {
    const squares = this.sums.gateSquares![i];
    const what = `regret of gate ${i} alone`;
    const gradientTerm = this.gradientTerm(squares);
    return this.bound(what, left, divergenceTerm, gradientTerm, 1, squares, this.inverseStep(i), this.farthest(i));
  }

  /** `1 / eta_i` of the last step. */
  private inverseStep(i: number): number {
    return (this.adaptive ? Math.sqrt(this.sums.gateSquares![i]) : 1) / this.settings.stepSize;
  }

  /** How far out a gate's logit is known to have been: anywhere in the box where nothing is known. */
  private farthest(i: number): number {
    const { range } = this.sums;
    return range ? Math.max(-range.lowest[i], range.highest[i]) : this.settings.logitBound;
  }

  /** @param scale - a right side from above, beside which rounding is looked at: from below there may be next to nothing */
  fromBelow(scale: number): Bound | undefined {
    const { sums, settings } = this;
    const { gateSquares, range, logits, products, vector } = sums;
    if (!gateSquares || !range) return undefined;
    const { coldTemperature: cold, hotTemperature: hot, stepSize, update, logitBound } = settings;
    // Rounding may leave a clipped logit a hair inside the box; a step that wasn't looked at, as far as it can lead.
    const edge = mirrorInverse(mirrorMap(logitBound, hot) * (1 - 1e-6) - range.unseen * stepSize, hot);
    let divergenceTerm = 0;
    let regret = 0;
    let squares = 0;
    let inverseSteps = 0;
    let gates = 0;
    let farthest = 0;
    for (let i = 0; i < this.gateCount; i++) {
      if (range.lowest[i] <= -edge || range.highest[i] >= edge) continue;
      gates++;
      farthest = Math.max(farthest, this.farthest(i));
      squares += gateSquares[i];
      regret += products[i] - vector[i] * gate(logits[i], cold);
      inverseSteps += this.inverseStep(i);
      if (!this.adaptive) divergenceTerm += this.divergence.between(settings.initialLogits[i], logits[i]) / stepSize;
    }
    if (gates === 0) return undefined;
    const k = Math.exp((stepSize * sums.largest) / (4 * hot * hot));
    // Where no gradient was there is none, however large the factor.
    const curvature =
      update === "euler" && squares > 0 ? (stepSize * k * k * squares) / (12 * Math.sqrt(3) * hot * hot) : 0;
    // Here the comparator is as rounded as the gates.
    const tolerance = 2 * this.tolerance(gates, squares, inverseSteps, farthest, scale / 2);
    const right = regret + curvature;
    return bound({
      theorem: this.theorem,
      what: `regret from below at the final gates of the ${gates} gates never clipped`,
      assumptions: [...this.assumptions, telling(divergenceTerm, right, tolerance, scale)],
      left: divergenceTerm,
      right,
      tolerance,
      terms: { regret, "curvature term": curvature, tolerance },
    });
  }

  private get adaptive(): boolean {
    return this.settings.update === "adaptive";
  }

  /** `sum_t g_{t,i} (a_{t,i} - u_i)`, with `u_i` at an end of the box. */
  private gateRegret(i: number, open: boolean): number {
    return this.sums.products[i] - this.sums.vector[i] * this.vertices[open ? 1 : 0];
  }

  /** The divergence of a gate's comparator, over the gate's step size. */
  private divergenceTerm(i: number, open: boolean): number {
    const { initialLogits, stepSize } = this.settings;
    if (!this.adaptive) return this.toVertex[open ? 1 : 0](initialLogits[i]) / stepSize;
    const { range, gateSquares } = this.sums;
    const seen = (open ? range!.lowest : range!.highest)[i];
    return (this.toVertex[open ? 1 : 0](seen) * Math.sqrt(gateSquares![i])) / stepSize;
  }

  /** What the gradients add to the right side; `squares` is their sum of squares. */
  private gradientTerm(squares: number): number {
    const { update, coldTemperature: cold, hotTemperature: hot, stepSize } = this.settings;
    if (update === "adaptive") return (stepSize * Math.sqrt(squares)) / (16 * cold * hot);
    const constant =
      update === "euler" ? eulerConstant(cold, hot, stepSize * this.sums.largest) : 1 / (16 * cold * hot);
    return (stepSize / 2) * constant * squares;
  }

  /**
   * What rounding alone may add, with `u` the unit of rounding of the run's precision, `A = sum_t |g_t|_1 <=
   * sqrt(T n sum_t |g_t|^2)` and `n` gates:
   *
   * - gates are off by `4 u`, and where the tensor form inverts the mirror map by `2 u max(th, R) / tc`; sums of `m` terms
   *   by `m u` for products and gradients each: `(2 m + 4 + 2 max(th, R) / tc) u A`;
   * - a moved logit is rounded, which is a gradient off by the error of the dual variable over the step size:
   *   `(T + 8) u Y sum_i 1 / eta_i`, `Y` the dual variable at `R` or, where the logit itself is rounded, `R / s_th'(R)`; the
   *   float64 inverse is allowed 32 units. Where that is more than the bound, at the farthest logit that was seen instead of
   *   `R`, and as much farther as a step that wasn't seen may lead: `Y` grows with the logit, and a clipped one is at `R`;
   * - steps and squares of `adaptive` are off by `T u` relative, which is left to {@link bound}.
   */
  private tolerance(gates: number, squares: number, inverseSteps: number, farthest: number, boundedBy: number): number {
    const { coldTemperature: cold, hotTemperature: hot, logitBound, update } = this.settings;
    const { steps, precision, longestSum } = this.sums;
    const double = precision === "float64";
    const unit = double ? 2 ** -53 : 2 ** -24;
    const total = Math.sqrt(steps * gates * squares);
    const dualAt = (logit: number): number =>
      double || update === "euler" ? logit / gateSlope(logit, hot) : mirrorMap(logit, hot);
    const gateError = 4 + (2 * Math.max(hot, logitBound)) / cold;
    const rounding = (dual: number): number =>
      unit * ((2 * longestSum + gateError) * total + (double ? 32 : 1) * (steps + 8) * dual * inverseSteps);
    const most = rounding(dualAt(logitBound));
    return most <= boundedBy ? most : Math.min(most, rounding(dualAt(farthest) + this.unseen));
  }

  private bound(
    what: string,
    left: number,
    divergenceTerm: number,
    gradientTerm: number,
    gates: number,
    squares: number,
    inverseSteps: number,
    farthest: number,
  ): Bound {
    const right = divergenceTerm + gradientTerm;
    const unit = this.sums.precision === "float64" ? 2 ** -53 : 2 ** -24;
    const tolerance = this.tolerance(gates, squares, inverseSteps, farthest, right) + this.sums.steps * unit * right;
    const terms = { "divergence term": divergenceTerm, "gradient term": gradientTerm, tolerance };
    const assumptions = [...this.assumptions, telling(left, right, tolerance, right)];
    return bound({ theorem: this.theorem, what, assumptions, left, right, tolerance, terms });
  }
}

/** Whether an inequality says anything: it does if it is violated, but not if no run could have violated it. */
function tells(left: number, right: number, tolerance: number, scale: number): boolean {
  // Written so that NaN, which is a violation, tells.
  return !(left <= right + tolerance) || (right < Infinity && tolerance <= scale);
}

function telling(left: number, right: number, tolerance: number, scale: number): Assumption {
  const text =
    right === Infinity ? "the bound is infinite" : "rounding alone may move the regret by more than the bound";
  return { text, holds: tells(left, right, tolerance, scale) };
}

/** A function that remembers what it has answered: many gates start alike. */
function remembered(f: (x: number) => number): (x: number) => number {
  const known = new Map<number, number>();
  return (x) => {
    let value = known.get(x);
    if (value === undefined) known.set(x, (value = f(x)));
    return value;
  };
}
