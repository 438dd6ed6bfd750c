import { gate } from "../relaxation/index.js";
import { type Bound, bound } from "./bound.js";
import { Divergence } from "./divergence.js";

/** A run of the adaptive update with everything that it went through. */
export interface AdaptivePath {
  readonly cold: number;
  readonly hot: number;
  readonly radius: number;
  /** `alpha` */
  readonly stepSize: number;
  /** `theta_t` before each step, each [gateCount]. */
  readonly logits: readonly Float64Array[];
  /** `g_t` of each step, each [gateCount]. */
  readonly gradients: readonly Float64Array[];
}

/**
 * Both lines of the bound for steps of each gate's own, `eta_{t,i} = alpha / sqrt(sum_{s<=t} g_{s,i}^2)`:
 *
 * ```
 * sum_t <g_t, a_t - u> <= sum_i [V_{0,i} / eta_{0,i} + sum_{t>=1} V_{t,i} (1 / eta_{t,i} - 1 / eta_{t-1,i})]
 *                           + sum_{t,i} eta_{t,i} g_{t,i}^2 / (32 tc th)
 *                      <= sum_i Vmax / eta_{T,i} + (the same last sum)
 * ```
 *
 * The first needs the whole path, the second nearly so; the certificate of a search bounds the last sum once more.
 *
 * @param mask - the comparator, a vertex of the box, [gateCount]
 *
 * Source: Theorem 8 of this project's method notes (docs/theory.md).
 */
export function adaptiveBounds(path: AdaptivePath, mask: ArrayLike<number | boolean>): [first: Bound, second: Bound] {
  const { cold, hot, radius, stepSize, logits, gradients } = path;
  const divergence = new Divergence(cold, hot, radius);
  let left = 0;
  let along = 0;
  let ends = 0;
  let gradientTerm = 0;
  for (let i = 0; i < mask.length; i++) {
    const end = mask[i] ? radius : -radius;
    const u = gate(end, cold);
    let squares = 0;
    let inverseBefore = 0;
    for (let t = 0; t < gradients.length; t++) {
      const g = gradients[t][i];
      squares += g * g;
      // A gate without gradients so far hasn't moved and adds nothing.
      if (squares === 0) continue;
      const inverse = Math.sqrt(squares) / stepSize;
      left += g * (gate(logits[t][i], cold) - u);
      along += divergence.between(logits[t][i], end) * (inverse - inverseBefore);
      gradientTerm += (g * g) / inverse / (32 * cold * hot);
      inverseBefore = inverse;
    }
    ends += divergence.largest * inverseBefore;
  }
  const sides = (what: string, divergenceTerm: number): Bound => {
    const right = divergenceTerm + gradientTerm;
    const terms = { "divergence term": divergenceTerm, "gradient term": gradientTerm };
    return bound({ theorem: "Theorem 8", what, left, right, tolerance: 1e-11 * right, terms });
  };
  return [sides("regret, by the path's divergences", along), sides("regret, by the largest divergence", ends)];
}
