import { gateSlope } from "../relaxation/index.js";
import { type Assumption, type Bound, bound } from "./bound.js";

/** A run of full-gradient `mirror` steps on a smooth loss. */
export interface DescentRun {
  readonly cold: number;
  readonly hot: number;
  readonly stepSize: number;
  /** `S`: the gradient of the loss is `S`-Lipschitz in the gates; undefined if no such number is known. */
  readonly smoothness: number | undefined;
  readonly update: string;
  readonly fullBatch: boolean;
  /** `L(a_0), ..., L(a_T)` */
  readonly losses: ArrayLike<number>;
  /** `|a_{t+1} - a_t|^2` for each step, one less. */
  readonly moves: ArrayLike<number>;
}

function assumptions({ smoothness, update, fullBatch, stepSize, cold, hot }: DescentRun): Assumption[] {
  const all = [
    { text: "no Lipschitz constant of the gradient is known", holds: smoothness !== undefined },
    { text: `the update is ${update}, not mirror`, holds: update === "mirror" },
    { text: "the gradients are those of batches", holds: fullBatch },
  ];
  if (smoothness === undefined) return all;
  const most = (16 * cold * hot) / smoothness;
  // A step size computed from the formula may be off in its last digit.
  return [...all, { text: `the step size ${stepSize} is above ${most}`, holds: stepSize <= most * (1 + 1e-12) }];
}

/**
 * Descent without convexity: each step lowers the loss by a multiple of its own square.
 *
 * `L(a_{t+1}) <= L(a_t) - (16 tc th / eta - S / 2) |a_{t+1} - a_t|^2` for `eta <= 16 tc th / S`
 *
 * @returns the inequality summed over the run: the decrease asked for, and the decrease had; it holds only if it holds
 * at each step
 *
 * Source: Theorem 3 of this project's method notes (docs/theory.md).
 */
export function descent(run: DescentRun): Bound {
  const { cold, hot, stepSize, smoothness = 0, losses, moves } = run;
  const factor = (16 * cold * hot) / stepSize - smoothness / 2;
  let asked = 0;
  let tightest = 0;
  let least = Infinity;
  for (let t = 0; t < moves.length; t++) {
    const slack = losses[t] - losses[t + 1] - factor * moves[t];
    if (slack < least) [tightest, least] = [t, slack];
    asked += factor * moves[t];
  }
  // A loss is a sum of some hundred terms.
  const tolerance = 1e-13 * Math.abs(losses[tightest]);
  const whole = bound({
    theorem: "Theorem 3",
    what: "decrease of the loss that the moves ask for",
    assumptions: assumptions(run),
    left: asked,
    right: losses[0] - losses[moves.length],
    tolerance: tolerance * moves.length,
    terms: { "least slack": least, "at step": tightest },
  });
  return { ...whole, holds: whole.holds && least >= -tolerance };
}

/**
 * The run comes to rest: with `eta = 16 tc th / S`,
 *
 * `min_t |a_{t+1} - a_t|^2 <= 2 (L(a_0) - L*) / (S T)`
 *
 * @param lowest - `L*`, or anything below it
 *
 * Source: Theorem 3 of this project's method notes (docs/theory.md).
 */
export function stationarity(run: DescentRun, lowest: number): Bound {
  const { cold, hot, stepSize, smoothness = NaN, losses, moves } = run;
  const exact = Math.abs((stepSize * smoothness) / (16 * cold * hot) - 1) < 1e-9;
  return bound({
    theorem: "Theorem 3",
    what: "smallest squared move of the gates",
    assumptions: [...assumptions(run), { text: "the step size isn't 16 tc th / S", holds: exact }],
    left: Array.from(moves).reduce((a, b) => Math.min(a, b)),
    right: (2 * (losses[0] - lowest)) / (smoothness * moves.length),
  });
}

/**
 * `<grad F(theta), v> = sum_i rho_i v_i^2`, `rho_i = s_tc'(theta_i) / s_th'(theta_i)`, `F = L o s_tc`: how fast the
 * two-temperature direction `v = s_th' g` descends. Never negative.
 *
 * @param logits - `theta`, [gateCount]
 * @param gradient - `g`, the gradient of `L` with respect to the gates, [gateCount]
 *
 * Source: Theorem 3 of this project's method notes (docs/theory.md).
 */
export function descentRate(logits: ArrayLike<number>, gradient: ArrayLike<number>, cold: number, hot: number): number {
  let rate = 0;
  for (let i = 0; i < logits.length; i++) {
    rate += gateSlope(logits[i], cold) * gateSlope(logits[i], hot) * gradient[i] * gradient[i];
  }
  return rate;
}
