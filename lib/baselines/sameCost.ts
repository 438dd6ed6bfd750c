import type { Random } from "../engine/index.js";
import type { Architecture, SearchSpace } from "../space/index.js";

/**
 * A uniformly random mask with exactly the cost of `matched`: where every gate of the space costs the same, as many
 * gates as it keeps; else as many of each group as it keeps.
 *
 * @param candidates - gates that may be kept; default all
 */
export function sameCostMask(
  space: SearchSpace,
  matched: Architecture,
  random: Random,
  candidates?: ReadonlySet<number>,
): Uint8Array {
  const mask = new Uint8Array(space.gateCount);
  const costs = space.costs("parameters");
  const alike = costs.every((cost) => Math.abs(cost - costs[0]) <= 1e-12);
  const pools = alike ? [{ offset: 0, size: space.gateCount }] : space.groups;
  for (const { offset, size } of pools) {
    const free = Array.from({ length: size }, (_, i) => offset + i).filter((gate) => candidates?.has(gate) ?? true);
    let keep = 0;
    for (let gate = offset; gate < offset + size; gate++) keep += matched.mask[gate];
    for (const i of random.permutation(free.length, keep)) mask[free[i]] = 1;
  }
  return mask;
}
