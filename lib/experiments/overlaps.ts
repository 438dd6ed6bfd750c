import { unpackBits } from "../space/architecture.js";
import { type MaskOfGroups, type Shared, sharedGates } from "../space/overlap.js";
import type { PlannedTask } from "./experiment.js";
import { searchedArchitectures, searchSetting } from "./keptGates.js";
import type { Row } from "./results.js";
import type { RunStore } from "./store.js";

interface Setting {
  readonly labels: Row;
  readonly masks: readonly MaskOfGroups[];
}

/**
 * How much of their gates the architectures of every two settings share, and those of one setting among each other: the
 * means over all pairs of searches, with what chance would give at the same number of gates in each group.
 *
 * @param plan - of a transfer experiment
 * @param store - where the records of its searches are
 * @returns a row a pair of settings of one search space and one density asked for; the second setting's columns begin with `other_`
 * @example
 * ```ts
 * overlapRows(planExperiment(experiment), store);
 * ```
 */
export function overlapRows(plan: readonly PlannedTask[], store: RunStore): Row[] {
  const found = searchedArchitectures(plan, store).map(({ labels, architectures }): Setting => ({
    labels,
    masks: architectures.map(({ groups, mask, gateCount }) => ({ groups, mask: unpackBits(mask, gateCount) })),
  }));
  return found.flatMap((a, i) =>
    found
      .slice(i)
      .filter((b) => b.labels.asked === a.labels.asked && alike(a.masks[0], b.masks[0]))
      .filter((b) => a !== b || a.masks.length > 1)
      .map((b) => overlapRow(a, b)),
  );
}

function overlapRow(a: Setting, b: Setting): Row {
  const pairs: Shared[] = a.masks.flatMap((first, i) =>
    (a === b ? b.masks.slice(i + 1) : b.masks).map((second) => sharedGates(first, second)),
  );
  const other = searchSetting
    .filter((column) => column !== "asked")
    .map((column) => [`other_${column}`, b.labels[column]]);
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    ...a.labels,
    ...(Object.fromEntries(other) as Row),
    shared: mean(pairs.map(({ shared }) => shared)),
    chance: mean(pairs.map(({ chance }) => chance)),
    pairs: pairs.length,
  };
}

/** Whether two masks lie over the same groups of gates. */
function alike(a: MaskOfGroups, b: MaskOfGroups): boolean {
  const sizes = ({ groups }: MaskOfGroups): string => groups.map(({ size }) => size).join();
  return sizes(a) === sizes(b);
}
