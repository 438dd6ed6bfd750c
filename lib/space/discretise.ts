import { quickselect } from "simple-statistics";
import { TwotempError } from "../errors.js";
import { sizeOf } from "./labels.js";
import { type Budget, costOf, type Limit, limitsOf, requireDensity } from "./budget.js";
import type { Counts } from "./liveness.js";
import type { SearchSpace } from "./space.js";
import type { GateGroup } from "./types.js";

/** A vertex, and how close it is to what was asked. */
export interface Discretised {
  readonly mask: Uint8Array;
  readonly counts: Counts;
  /** The fraction of gates that is kept. */
  readonly density: number;
  /** What is kept of each measure that the budget names. What is left is less than the next gates in line would take. */
  readonly kept: Readonly<Partial<Record<"density" | "parameters" | "multiplyAdds", number>>>;
  /** Gates that were opened to mend cuts, and gates that were closed in their place. */
  readonly opened: readonly number[];
  readonly closed: readonly number[];
}

/**
 * The vertex that keeps the largest scores: exactly `round(density * gateCount)` gates, at least one, ties broken by
 * index (lower first).
 *
 * @param scores - one a gate
 * @param density - fraction to keep, in (0, 1]
 * @throws TwotempError `space/density`, `space/mask`
 */
export function keepLargest(scores: ArrayLike<number>, density: number, gateCount: number): Uint8Array {
  requireDensity(density);
  requireScores(scores, gateCount);
  const keep = Math.max(1, Math.round(density * gateCount));
  requireNumbers(scores);
  const values = scores instanceof Float32Array ? scores.slice() : Float64Array.from(scores);
  // Ten times as fast as sorting, of millions. It takes any array of numbers.
  quickselect(values as unknown as number[], gateCount - keep);
  const threshold = values[gateCount - keep];
  const mask = new Uint8Array(gateCount);
  let left = keep;
  for (let gate = 0; gate < gateCount; gate++) {
    if (scores[gate] > threshold) {
      mask[gate] = 1;
      left -= 1;
    }
  }
  for (let gate = 0; left > 0; gate++) {
    if (scores[gate] !== threshold) continue;
    mask[gate] = 1;
    left -= 1;
  }
  return mask;
}

/** The vertex that keeps the gates with positive scores. */
export function keepPositive(scores: ArrayLike<number>): Uint8Array {
  const mask = new Uint8Array(scores.length);
  // With a callback for each, millions of gates take seconds.
  for (let gate = 0; gate < mask.length; gate++) mask[gate] = scores[gate] > 0 ? 1 : 0;
  return mask;
}

/** Gates from the largest score to the smallest, ties by index. */
export function byScore(scores: ArrayLike<number>): Int32Array {
  requireNumbers(scores);
  return Int32Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[b] - scores[a] || a - b);
}

/**
 * The vertex that keeps the gates with the largest scores within a budget.
 *
 * A density is met exactly. Limits on parameters and multiply-adds are filled gate by gate in the order of the scores;
 * gates that would exceed a limit are left out and the next are tried, until none fits. With both, the limits are filled
 * from the gates that the density keeps.
 *
 * *The rule that mends cuts.* As long as no path of open gates leads from an input to every output (or a layer that is
 * needed has no open input), the worst-scored gate without which the better-scored ones can't mend the cut is opened:
 * this opens a path whose worst gate is as good as possible. Under a density, as many of the worst-scored open gates
 * are then closed as can be without a new cut.
 *
 * @param scores - one a gate, for example logits
 * @throws TwotempError `space/budget` if nothing is asked for, or the smallest network found exceeds it;
 *   `space/density`, `space/mask`, `space/scores`
 */
export function discretise(space: SearchSpace, scores: ArrayLike<number>, budget: Budget): Discretised {
  requireScores(scores, space.gateCount);
  const limits = limitsOf(space, budget);
  let sorted: Int32Array | undefined;
  const order = (): Int32Array => (sorted ??= byScore(scores));
  const mask = startingMask(space, scores, order, budget);
  const opened: number[] = [];
  const closed: number[] = [];
  const mends = budget.repair ?? true;
  if (mends && (limits.length === 0 || budget.density !== undefined)) {
    opened.push(...mend(space, order, mask));
    if (opened.length > 0) closed.push(...closeWorst(space, order(), mask, opened, groupsToKeep(space, budget)));
  }
  if (limits.length > 0) {
    const within = fill(space, order(), mask, limits, budget);
    mask.set(within.mask);
    opened.push(...within.opened.filter((gate) => !opened.includes(gate)));
  }
  const counts = space.count(mask);
  const density = openCount(mask) / Math.max(1, mask.length);
  const kept = {
    ...(budget.density !== undefined && { density }),
    ...(budget.parameters !== undefined && { parameters: counts.parameters }),
    ...(budget.multiplyAdds !== undefined && { multiplyAdds: counts.multiplyAdds }),
  };
  return { mask, counts, density, kept, opened: opened.filter((gate) => mask[gate]), closed };
}

/** The gates that the density and the pattern keep: all, where neither is asked for. */
function startingMask(
  space: SearchSpace,
  scores: ArrayLike<number>,
  order: () => Int32Array,
  { density, everyGroup = false, pattern }: Budget,
): Uint8Array {
  if (density !== undefined && !everyGroup) return keepLargest(scores, density, space.gateCount);
  const mask = new Uint8Array(space.gateCount).fill(density === undefined ? 1 : 0);
  if (density !== undefined) {
    for (const { offset, size } of space.groups) {
      let left = Math.max(1, Math.round(density * size));
      for (const gate of order()) {
        if (left === 0) break;
        if (gate < offset || gate >= offset + size) continue;
        mask[gate] = 1;
        left -= 1;
      }
    }
  }
  if (pattern) applyPattern(space, scores, mask, pattern);
  return mask;
}

/** The axis of a gated kernel along which its inputs stand. */
function inputAxis({ gating: { anatomy, plan } }: SearchSpace, offset: number): number {
  const w = plan.weights.findIndex(({ gateOffset }) => gateOffset === offset);
  const kernels = anatomy.calls.flatMap(({ weights, links }) =>
    links.flatMap(({ kernel }) => (kernel && weights[kernel.weight] === w ? [kernel] : [])),
  );
  return kernels[0].inAxis;
}

/** Keeps `keep` of each `of` neighbours along the input axis of each gated kernel. */
function applyPattern(
  space: SearchSpace,
  scores: ArrayLike<number>,
  mask: Uint8Array,
  { keep, of }: { readonly keep: number; readonly of: number },
): void {
  for (const { kind, offset, shape } of space.groups) {
    if (kind !== "weight") continue;
    const axis = inputAxis(space, offset);
    const stride = sizeOf(shape.slice(axis + 1));
    const extent = shape[axis];
    const size = sizeOf(shape);
    for (let base = 0; base < size; base++) {
      if (Math.floor(base / stride) % extent !== 0) continue;
      for (let begin = 0; begin < extent; begin += of) {
        const length = Math.min(of, extent - begin);
        const gates = Array.from({ length }, (_, i) => offset + base + (begin + i) * stride);
        gates.sort((a, b) => scores[b] - scores[a] || a - b);
        for (const gate of gates.slice(Math.ceil((keep * length) / of))) mask[gate] = 0;
      }
    }
  }
}

/** Opens gates of `mask` until nothing is cut, by the rule of {@link discretise}; returns them. */
function mend(space: SearchSpace, order: () => Int32Array, mask: Uint8Array): number[] {
  const whole = (): boolean => space.liveness(mask).cuts.length === 0;
  const opened: number[] = [];
  if (whole()) return opened;
  const candidates = order().filter((gate) => !mask[gate]);
  const openFirst = (count: number): boolean => {
    for (let i = 0; i < count; i++) mask[candidates[i]] = 1;
    const mended = whole();
    for (let i = 0; i < count; i++) mask[candidates[i]] = opened.includes(candidates[i]) ? 1 : 0;
    return mended;
  };
  let most = candidates.length;
  if (!openFirst(most)) {
    const [{ message }] = space.liveness(new Uint8Array(mask.length).fill(1)).cuts;
    throw new TwotempError("space/disconnected", `the whole network is cut: ${message}`);
  }
  while (!whole()) {
    let least = 1;
    while (least < most) {
      const middle = (least + most) >> 1;
      if (openFirst(middle)) most = middle;
      else least = middle + 1;
    }
    const gate = candidates[most - 1];
    opened.push(gate);
    mask[gate] = 1;
    most -= 1;
  }
  return opened;
}

/** Closes as many of the worst-scored gates as were opened, in the same group of `groups`; returns them. */
function closeWorst(
  space: SearchSpace,
  order: Int32Array,
  mask: Uint8Array,
  opened: readonly number[],
  groups: readonly Pick<GateGroup, "offset" | "size">[],
): number[] {
  const closed: number[] = [];
  for (const { offset, size } of groups) {
    const inside = (gate: number): boolean => gate >= offset && gate < offset + size;
    let left = opened.filter(inside).length;
    for (let i = order.length - 1; i >= 0 && left > 0; i--) {
      const gate = order[i];
      if (!mask[gate] || !inside(gate) || opened.includes(gate)) continue;
      mask[gate] = 0;
      if (space.liveness(mask).cuts.length > 0) mask[gate] = 1;
      else {
        closed.push(gate);
        left -= 1;
      }
    }
    if (left > 0) {
      throw new TwotempError(
        "space/budget",
        `the smallest network found keeps ${openCount(mask)} gates, ${left} more than asked for: raise the density`,
      );
    }
  }
  return closed;
}

const groupsToKeep = (
  space: SearchSpace,
  { density, everyGroup, pattern }: Budget,
): readonly Pick<GateGroup, "offset" | "size">[] => {
  if (pattern || density === undefined) return [];
  return everyGroup ? space.groups : [{ offset: 0, size: space.gateCount }];
};

/** The best-scored gates of `allowed` whose network keeps to the limits; with `everyGroup`, the best part of each group. */
function fill(
  space: SearchSpace,
  order: Int32Array,
  allowed: Uint8Array,
  limits: readonly Limit[],
  { density, everyGroup = false, repair = true }: Budget,
): { mask: Uint8Array; opened: number[] } {
  const candidates = order.filter((gate) => allowed[gate]);
  const parts = everyGroup
    ? space.groups.map(({ offset, size }) => candidates.filter((gate) => gate >= offset && gate < offset + size))
    : [candidates];
  const prefix = (count: number): { mask: Uint8Array; opened: number[] } => {
    const mask = new Uint8Array(space.gateCount);
    for (const part of parts) {
      const own = Math.floor((count * part.length) / Math.max(1, candidates.length));
      for (const gate of part.subarray(0, own)) mask[gate] = 1;
    }
    // Under a density no other gates are opened: what it keeps is whole.
    return { mask, opened: repair ? mend(space, () => (density === undefined ? order : candidates), mask) : [] };
  };
  const exceeded = (mask: Uint8Array): Limit | undefined => {
    const layers = space.liveness(mask).byLayer();
    return limits.find((limit) => costOf(layers, limit) > limit.most);
  };
  let least = 0;
  let most = candidates.length;
  while (least < most) {
    const middle = (least + most + 1) >> 1;
    if (exceeded(prefix(middle).mask) === undefined) least = middle;
    else most = middle - 1;
  }
  const start = prefix(least);
  const broken = exceeded(start.mask);
  if (broken) {
    const found = costOf(space.liveness(start.mask).byLayer(), broken);
    const where = broken.layer === undefined ? "" : ` in layer ${broken.layer}`;
    throw new TwotempError(
      "space/budget",
      `the smallest network found has ${found} ${broken.measure}${where}, the budget is ${Number(broken.most.toFixed(2))} ${broken.measure}`,
    );
  }
  addWhatFits(space, candidates, start.mask, limits);
  return start;
}

/** After so many gates of a group that don't fit, one after another, its others, which cost much the same, aren't tried. */
const triesPerGroup = 32;

/** Opens the gates that still fit, in order, again until none does: one that was opened may make another cheaper. */
function addWhatFits(space: SearchSpace, candidates: Int32Array, mask: Uint8Array, limits: readonly Limit[]): void {
  const groupOf = new Int32Array(space.gateCount);
  space.groups.forEach(({ offset, size }, g) => groupOf.fill(g, offset, offset + size));
  const savings = { parameters: space.gateSavings("parameters"), multiplyAdds: space.gateSavings("multiplyAdds") };
  const full = new Set<number>();
  const failed = new Int32Array(space.groups.length);
  const room = (): number[] => {
    const layers = space.liveness(mask).byLayer();
    return limits.map((limit) => limit.most - costOf(layers, limit));
  };
  let left = room();
  const opens = (gate: number): boolean => {
    const group = groupOf[gate];
    if (mask[gate] || full.has(group)) return false;
    const { kind, layers } = space.groups[group];
    // No weight of a kernel costs less than itself.
    const noRoom = limits.some(
      ({ measure, layer }, l) => (layer === undefined || layers.includes(layer)) && left[l] < savings[measure][gate],
    );
    if (kind === "weight" && noRoom) {
      full.add(group);
      return false;
    }
    mask[gate] = 1;
    const now = room();
    if (now.some((rest) => rest < 0)) {
      mask[gate] = 0;
      if (++failed[group] === triesPerGroup) full.add(group);
      return false;
    }
    failed[group] = 0;
    const costs = now.some((rest, l) => rest !== left[l]);
    left = now;
    return costs;
  };
  let opened = true;
  while (opened && full.size < space.groups.length) {
    opened = false;
    for (const gate of candidates) opened = opens(gate) || opened;
  }
}

const openCount = (mask: Uint8Array): number => mask.reduce((sum, gate) => sum + gate, 0);

function requireNumbers(scores: ArrayLike<number>): void {
  for (let i = 0; i < scores.length; i++) {
    if (Number.isNaN(scores[i])) throw new TwotempError("space/scores", `the score of gate ${i} isn't a number`);
  }
}

function requireScores(scores: ArrayLike<number>, gateCount: number): void {
  if (scores.length !== gateCount) {
    throw new TwotempError("space/mask", `there are ${scores.length} scores, the space has ${gateCount} gates`);
  }
}
