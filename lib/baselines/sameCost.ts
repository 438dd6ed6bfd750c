import type { Random } from "../engine/index.js";
import type { Architecture, Provenance, SearchSpace } from "../space/index.js";
import { onlyKinds } from "./baseline.js";
import { costAlike, keepAtCost, withMatch } from "./keepAtCost.js";
import { refusal } from "./refusal.js";
import { widthsAtCost } from "./widths.js";

/** Draws among which the one that comes closest in cost is taken. */
const draws = 4;

/** Draws of mixed gates after which networks that are cut are given up. */
const mostDraws = 200;

/** How many gates of each group are open. */
const widthsOf = ({ groups, mask }: Architecture): string =>
  groups.map(({ offset, size }) => mask.subarray(offset, offset + size).reduce((sum, gate) => sum + gate, 0)).join();

/**
 * A random architecture of the cost of `matched`.
 *
 * Inputs or weights that cost the same: as many, uniformly at random. Units: other random widths with as close to the
 * same parameters as whole units allow, as hidden units are exchangeable (Proposition 6) and widths are all that there
 * is to draw. Operations and blocks: as many, with the same parameters and multiply-adds where that can be had. Spaces of
 * mixed gates: as many of each group.
 *
 * @param random - draw number `k`
 * @throws TwotempError `baselines/refused` if there is no other architecture of that cost
 */
export function randomAtCost(
  space: SearchSpace,
  matched: Architecture,
  random: (draw: number) => Random,
  provenance: Provenance,
): Architecture {
  if (costAlike(space)) {
    return keepAtCost(space, random(0).uniforms(space.gateCount), matched, provenance);
  }
  if (onlyKinds(space, "unit")) return randomWidths(space, matched, random, provenance);
  if (onlyKinds(space, "op", "block")) return randomOperations(space, matched, random, provenance);
  return randomOfEachGroup(space, matched, random, provenance);
}

function randomWidths(
  space: SearchSpace,
  matched: Architecture,
  random: (draw: number) => Random,
  provenance: Provenance,
): Architecture {
  const own = widthsOf(matched);
  const { parameters } = matched.counts;
  const made: Architecture[] = [];
  // Few layers leave few widths: draws that only repeat the learned ones are drawn again.
  for (let draw = 0; draw < 10 * draws && made.length < draws; draw++) {
    const numbers = random(draw);
    const scores = numbers.uniforms(space.gateCount);
    for (const { offset, size } of space.groups) {
      // A factor for the whole layer makes layers wide or narrow.
      const factor = Math.exp(numbers.normal());
      for (let gate = offset; gate < offset + size; gate++) scores[gate] *= factor;
    }
    const mask = widthsAtCost(space, scores, "parameters", parameters);
    const architecture = withMatch(space, mask, matched, provenance);
    if (widthsOf(architecture) !== own) made.push(architecture);
  }
  if (made.length === 0) throw refusal(`no other widths come close to ${parameters} parameters`);
  const gap = ({ counts }: Architecture): number => Math.abs(counts.parameters - parameters);
  return made.reduce((a, b) => (gap(b) < gap(a) ? b : a));
}

/**
 * From the matched mask, a random walk of swaps (one gate closed, one opened), then only swaps that don't lead away from
 * its cost. Costs are taken as the sum of the gates', and no sum of operations is emptied; of several walks the one that
 * is closest in the exact counts counts.
 */
function randomOperations(
  space: SearchSpace,
  matched: Architecture,
  random: (draw: number) => Random,
  provenance: Provenance,
): Architecture {
  const measures = (["parameters", "multiplyAdds"] as const).map((measure) => {
    const savings = space.gateSavings(measure);
    return savings.map((saving) => saving / Math.max(1, space.full[measure]));
  });
  const groupOf = new Int32Array(space.gateCount);
  space.groups.forEach(({ offset, size }, g) => groupOf.fill(g, offset, offset + size));
  const walk = (numbers: Random): Uint8Array => {
    const mask = matched.mask.slice();
    const open = Array.from(mask.keys()).filter((gate) => mask[gate]);
    const closed = Array.from(mask.keys()).filter((gate) => !mask[gate]);
    if (open.length === 0 || closed.length === 0) return mask;
    const held = new Int32Array(space.groups.length);
    for (const gate of open) held[groupOf[gate]]++;
    const away = measures.map(() => 0);
    // How many open gates aren't open in the matched mask: the walk may not end where it began.
    let others = 0;
    const free = 10 * space.gateCount;
    for (let step = 0; step < 20 * free; step++) {
      const [i, j] = [numbers.integer(open.length), numbers.integer(closed.length)];
      const [out, into] = [open[i], closed[j]];
      const group = groupOf[out];
      const empties = space.groups[group].kind === "op" && held[group] === 1 && groupOf[into] !== group;
      const next = measures.map((savings, m) => away[m] + savings[into] - savings[out]);
      const size = (gaps: readonly number[]): number => gaps.reduce((sum, gap) => sum + Math.abs(gap), 0);
      const moved = others + matched.mask[out] - matched.mask[into];
      const refused = step >= free && others > 0 && (moved === 0 || size(next) > size(away) + 1e-15);
      if (empties || refused) continue;
      others = moved;
      [open[i], closed[j]] = [into, out];
      held[group]--;
      held[groupOf[into]]++;
      next.forEach((gap, m) => (away[m] = gap));
      if (step >= free && others > 0 && size(away) < 1e-12) break;
    }
    mask.fill(0);
    for (const gate of open) mask[gate] = 1;
    return mask;
  };
  const gap = (mask: Uint8Array): number => {
    const liveness = space.liveness(mask);
    if (liveness.cuts.length > 0 || mask.every((gate, i) => gate === matched.mask[i])) return Infinity;
    const counts = liveness.count();
    return (["parameters", "multiplyAdds"] as const).reduce(
      (sum, measure) =>
        sum + Math.abs(counts[measure] - matched.counts[measure]) / Math.max(1, matched.counts[measure]),
      0,
    );
  };
  let best: Uint8Array | undefined;
  let least = Infinity;
  for (let draw = 0; draw < 3 * draws && least > 0; draw++) {
    const mask = walk(random(draw));
    const away = gap(mask);
    if (away < least) [best, least] = [mask, away];
  }
  if (!best) throw refusal("no other architecture keeps as many operations or blocks");
  return withMatch(space, best, matched, provenance);
}

function randomOfEachGroup(
  space: SearchSpace,
  matched: Architecture,
  random: (draw: number) => Random,
  provenance: Provenance,
): Architecture {
  for (let draw = 0; draw < mostDraws; draw++) {
    const numbers = random(draw);
    const mask = new Uint8Array(space.gateCount);
    for (const { offset, size } of space.groups) {
      const keep = matched.mask.subarray(offset, offset + size).reduce((sum, gate) => sum + gate, 0);
      for (const i of numbers.permutation(size, keep)) mask[offset + i] = 1;
    }
    if (space.liveness(mask).cuts.length === 0) return withMatch(space, mask, matched, provenance);
  }
  throw refusal(`as many gates of each group, drawn at random, cut the network in each of ${mostDraws} draws`);
}
