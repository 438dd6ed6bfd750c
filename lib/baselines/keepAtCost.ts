import type { Architecture, Counts, Provenance, SearchSpace } from "../space/index.js";
import { onlyKinds } from "./baseline.js";
import { widthsAtCost } from "./widths.js";

/** The cost that is to be matched: an architecture has one. */
export interface Cost {
  /** The fraction of gates that is kept. */
  readonly density: number;
  readonly counts: Pick<Counts, "parameters" | "multiplyAdds">;
}

/** Whether the gates of a space are inputs or weights of as many parameters each, so that their number is the cost that is matched. */
export function costAlike(space: SearchSpace): boolean {
  if (!onlyKinds(space, "input", "weight")) return false;
  const savings = space.gateSavings("parameters");
  return savings.every((saving) => saving === savings[0]);
}

/**
 * The architecture that keeps the largest scores at a given cost, mended where that would cut the network.
 *
 * Inputs or weights of one number of parameters each: exactly as many. Units: parameters as close as whole units allow. Anything
 * else: no more parameters and multiply-adds. The provenance tells what was asked for and kept.
 *
 * @param scores - one a gate
 * @throws TwotempError `baselines/refused`, `space/budget`
 */
export function keepAtCost(
  space: SearchSpace,
  scores: ArrayLike<number>,
  cost: Cost,
  provenance: Provenance,
): Architecture {
  if (costAlike(space)) {
    const { mask } = space.within(scores, { density: cost.density });
    return withMatch(space, mask, cost, provenance);
  }
  if (onlyKinds(space, "unit")) {
    return withMatch(space, widthsAtCost(space, scores, "parameters", cost.counts.parameters), cost, provenance);
  }
  const { parameters, multiplyAdds } = cost.counts;
  // No budget is zero.
  const { mask } = space.within(scores, {
    ...(parameters > 0 && { parameters }),
    ...(multiplyAdds > 0 && { multiplyAdds }),
  });
  return withMatch(space, mask, cost, provenance);
}

/** An architecture whose provenance tells how close it comes to the cost that was to be matched. */
export function withMatch(
  space: SearchSpace,
  mask: Uint8Array,
  { counts }: Cost,
  provenance: Provenance,
): Architecture {
  const { parameters, multiplyAdds } = space.count(mask);
  return space.architecture(mask, {
    ...provenance,
    asked: { parameters: counts.parameters, multiplyAdds: counts.multiplyAdds },
    kept: { parameters, multiplyAdds },
  });
}
