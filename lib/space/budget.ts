import { z } from "zod";
import { TwotempError } from "../errors.js";
import type { LayerCounts } from "./liveness.js";
import type { SearchSpace } from "./space.js";

/** What a vertex may cost. At least one of the limits is needed; a vertex keeps to all that are given. */
export interface Budget {
  /** Fraction of the gates to keep, in (0, 1]: met exactly, or where another limit leaves fewer, never exceeded. */
  readonly density?: number;
  /** Most parameters of the compacted network. */
  readonly parameters?: number;
  /** Most multiply-adds of the compacted network. */
  readonly multiplyAdds?: number;
  /**
   * Whether the density holds in every group of gates by itself, and limits in every layer by itself: each may have the
   * same fraction of what it costs in the whole network. Default false: over the whole network.
   */
  readonly everyGroup?: boolean;
  /** N of M: in each run of `of` weights along the input axis of a kernel, `keep` are kept (2 of 4 runs fast on some hardware). */
  readonly pattern?: { readonly keep: number; readonly of: number };
  /**
   * Whether a cut network is mended, by the rule of {@link discretise}; default true. If false, cuts are refused with
   * `space/disconnected` when the architecture is made.
   */
  readonly repair?: boolean;
}

const positive = z.number().positive();
const whole = z.number().int().positive();

/** Checks a {@link Budget}: the numbers, and that there is nothing else in it. */
export const budgetSchema: z.ZodType<Budget> = z.strictObject({
  density: positive.max(1).optional(),
  parameters: positive.optional(),
  multiplyAdds: positive.optional(),
  everyGroup: z.boolean().optional(),
  pattern: z.strictObject({ keep: whole, of: whole }).optional(),
  repair: z.boolean().optional(),
});

/** The most that a layer, or without one the whole network, may cost, and what it costs whole. */
export interface Limit {
  readonly measure: keyof LayerCounts;
  readonly most: number;
  readonly full: number;
  readonly layer?: string;
}

/**
 * A budget's limits on parameters and multiply-adds.
 *
 * @throws TwotempError `space/budget`, `space/density` for a budget that says nothing or that the space can't have
 */
export function limitsOf(space: SearchSpace, budget: Budget): Limit[] {
  const { density, pattern, parameters, multiplyAdds, everyGroup } = budget;
  if (density !== undefined) requireDensity(density);
  if (pattern) requirePattern(space, pattern, density);
  const limits: Limit[] = [];
  for (const [measure, most] of [
    ["parameters", parameters],
    ["multiplyAdds", multiplyAdds],
  ] as const) {
    if (most === undefined) continue;
    if (!(most > 0)) throw new TwotempError("space/budget", `${measure} must be positive, got ${most}`);
    const whole = space.full[measure];
    if (!everyGroup) limits.push({ measure, most, full: whole });
    else {
      for (const [layer, { [measure]: full }] of space.wholeByLayer()) {
        // A little more, for rounding.
        if (full > 0) limits.push({ measure, most: (most / whole) * full * (1 + 1e-9), full, layer });
      }
    }
  }
  if (limits.length === 0 && density === undefined && !pattern) {
    throw new TwotempError("space/budget", "a budget needs a density, parameters, multiplyAdds or a pattern");
  }
  return limits;
}

export function requireDensity(density: number): void {
  if (!(density > 0 && density <= 1)) {
    throw new TwotempError("space/density", `density must be in (0, 1], got ${density}`);
  }
}

function requirePattern(
  space: SearchSpace,
  { keep, of }: NonNullable<Budget["pattern"]>,
  density: number | undefined,
): void {
  if (!Number.isInteger(keep) || !Number.isInteger(of) || keep < 1 || keep > of) {
    throw new TwotempError("space/budget", `a pattern keeps 1 to ${of} of ${of}, got ${keep} of ${of}`);
  }
  if (density !== undefined) {
    throw new TwotempError("space/budget", "a pattern sets the density: give one of the two");
  }
  if (!space.groups.some(({ kind }) => kind === "weight")) {
    throw new TwotempError("space/budget", "a pattern is for weight gates: this space has none");
  }
}

/** The cost of a layer, or without one of all together. */
export const costOf = (
  layers: ReadonlyMap<string, LayerCounts>,
  { measure, layer }: Pick<Limit, "measure" | "layer">,
): number => {
  if (layer !== undefined) return layers.get(layer)?.[measure] ?? 0;
  let sum = 0;
  for (const counts of layers.values()) sum += counts[measure];
  return sum;
};

/** The density that a budget asks for, if it does. */
export const densityOf = (budget: Budget | undefined): number | undefined =>
  budget?.density ?? (budget?.pattern && budget.pattern.keep / budget.pattern.of);

/**
 * By how much a vertex exceeds a budget, relative to it: the most over all that the budget names; negative below it.
 *
 * @param part - from 0 to 1: how far the budget is from the whole network, geometrically
 * @returns one number, or with `everyGroup` one for each group: that of the layers whose cost its gates decide
 */
export function exceedance(space: SearchSpace, mask: Uint8Array, budget: Budget, part: number = 1): number[] {
  const limits = limitsOf(space, budget);
  const layers = space.liveness(mask).byLayer();
  const excess = limits.map((limit) => {
    const target = limit.full * (limit.most / limit.full) ** part;
    return { layer: limit.layer, by: (costOf(layers, limit) - target) / target };
  });
  const kept = (offset: number, size: number): number[] => {
    const density = densityOf(budget);
    if (density === undefined) return [];
    const target = density ** part;
    const open = mask.subarray(offset, offset + size).reduce((sum, gate) => sum + gate, 0);
    return [(open / size - target) / target];
  };
  const over = (named: readonly { readonly by: number }[], offset: number, size: number): number =>
    Math.max(...named.map(({ by }) => by), ...kept(offset, size));
  if (!budget.everyGroup) return [over(excess, 0, space.gateCount)];
  const groups = groupsOfLayers(space);
  return space.groups.map(({ offset, size }, g) => {
    const named = excess.filter(({ layer }) => groups.get(layer!)!.has(g));
    return over(named.length > 0 ? named : excess, offset, size);
  });
}

/** The groups whose gates decide what a layer costs: its own, else those of what it reads. */
function groupsOfLayers({ groups, gating: { anatomy, plan } }: SearchSpace): Map<string, ReadonlySet<number>> {
  const own = new Map<string, Set<number>>();
  groups.forEach(({ layers }, g) => layers.forEach((layer) => own.set(layer, (own.get(layer) ?? new Set()).add(g))));
  const groupOf = (gate: number): number => groups.findIndex(({ offset, size }) => gate < offset + size);
  const found = new Map<string, ReadonlySet<number>>();
  anatomy.calls.forEach(({ path }, c) => {
    const read = plan.calls[c].inputGates.flatMap((gates) => [...(gates?.gateOf ?? [])].filter((gate) => gate >= 0));
    found.set(path, own.get(path) ?? new Set(read.map(groupOf)));
  });
  return found;
}
