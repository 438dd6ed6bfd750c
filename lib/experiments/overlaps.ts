import { type ArchitectureJson, unpackBits } from "../space/architecture.js";
import { type MaskOfGroups, type Shared, sharedGates } from "../space/overlap.js";
import type { PlannedTask } from "./experiment.js";
import type { Row } from "./results.js";
import type { RunStore } from "./store.js";

/** What tells one setting of a search from another. */
const setting = ["source", "space", "strategy", "variant", "asked"] as const;

interface Setting {
  readonly labels: Row;
  readonly masks: MaskOfGroups[];
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
  const settings = new Map<string, Setting>();
  const seen = new Set<string>();
  for (const { task, labels } of plan) {
    // The plan of several targets names a search again for each of them.
    if (task.kind !== "search" || seen.has(task.id)) continue;
    seen.add(task.id);
    const result = store.get(task.id)?.result as { architecture: ArchitectureJson } | undefined;
    if (!result) continue;
    const { groups, mask, gateCount } = result.architecture;
    const own = Object.fromEntries(setting.map((column) => [column, labels[column] ?? null])) as Row;
    const key = JSON.stringify(own);
    if (!settings.has(key)) settings.set(key, { labels: own, masks: [] });
    settings.get(key)!.masks.push({ groups, mask: unpackBits(mask, gateCount) });
  }
  const found = [...settings.values()];
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
  const other = setting.filter((column) => column !== "asked").map((column) => [`other_${column}`, b.labels[column]]);
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
