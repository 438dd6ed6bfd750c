import { byScore, type SearchSpace } from "../space/index.js";
import { refusal } from "./refusal.js";

/**
 * The mask of unit gates that keeps the best-scored units at a cost as close to `target` as whole units allow: at least
 * one unit of each group, then units by their scores while they fit, then one more if that comes closer.
 *
 * @param scores - one a gate
 * @returns [gateCount]
 * @throws TwotempError `baselines/refused` if one unit of each group costs more than the target
 */
export function widthsAtCost(
  space: SearchSpace,
  scores: ArrayLike<number>,
  measure: "parameters" | "multiplyAdds",
  target: number,
): Uint8Array {
  const order = byScore(scores);
  const cost = (mask: Uint8Array): number => space.count(mask)[measure];
  const members = space.groups.map(({ offset, size }) =>
    order.filter((gate) => gate >= offset && gate < offset + size),
  );
  const narrowest = new Uint8Array(space.gateCount);
  for (const [best] of members) narrowest[best] = 1;
  if (cost(narrowest) > target) {
    throw refusal(`one unit of each layer costs ${cost(narrowest)} ${measure}, more than the ${target} to be matched`);
  }
  const rest = order.filter((gate) => !narrowest[gate]);
  const prefix = (count: number): Uint8Array => {
    const mask = narrowest.slice();
    for (const gate of rest.subarray(0, count)) mask[gate] = 1;
    return mask;
  };
  let least = 0;
  let most = rest.length;
  while (least < most) {
    const middle = (least + most + 1) >> 1;
    if (cost(prefix(middle)) <= target) least = middle;
    else most = middle - 1;
  }
  const mask = prefix(least);
  // Units of a group cost the same: one that doesn't fit speaks for the others.
  let next = -1;
  let excess = Infinity;
  for (const group of members) {
    for (const gate of group) {
      if (mask[gate]) continue;
      mask[gate] = 1;
      if (cost(mask) <= target) continue;
      mask[gate] = 0;
      break;
    }
  }
  const below = target - cost(mask);
  for (const group of members) {
    const gate = group.find((candidate) => !mask[candidate]);
    if (gate === undefined) continue;
    mask[gate] = 1;
    const above = cost(mask) - target;
    mask[gate] = 0;
    if (above < Math.min(below, excess)) [next, excess] = [gate, above];
  }
  if (next >= 0) mask[next] = 1;
  return mask;
}
