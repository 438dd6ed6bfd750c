import { type ArchitectureJson, unpackBits } from "../space/architecture.js";
import { pictureSize } from "../space/picture.js";
import type { PlannedTask } from "./experiment.js";
import type { Row } from "./results.js";
import type { RunStore } from "./store.js";

/** What tells one setting of a search from another. */
export const searchSetting = ["source", "space", "strategy", "variant", "asked"] as const;

/** Architectures that were searched in one setting, each search once. */
export interface SettingOfSearches {
  readonly labels: Row;
  readonly architectures: ArchitectureJson[];
}

/** The architectures of a plan's searches that are done, setting by setting. */
export function searchedArchitectures(plan: readonly PlannedTask[], store: RunStore): SettingOfSearches[] {
  const settings = new Map<string, SettingOfSearches>();
  const seen = new Set<string>();
  for (const { task, labels } of plan) {
    // The plan of several targets names a search again for each of them.
    if (task.kind !== "search" || seen.has(task.id)) continue;
    seen.add(task.id);
    const result = store.get(task.id)?.result as { architecture: ArchitectureJson } | undefined;
    if (!result) continue;
    const own = Object.fromEntries(searchSetting.map((column) => [column, labels[column] ?? null])) as Row;
    const key = JSON.stringify(own);
    if (!settings.has(key)) settings.set(key, { labels: own, architectures: [] });
    settings.get(key)!.architectures.push(result.architecture);
  }
  return [...settings.values()];
}

/** Spaces with more gates have no table of them. */
const mostGates = 1000;

/**
 * How often each gate is kept, setting by setting, in spaces of at most 1000 gates.
 *
 * @param plan - of a transfer experiment
 * @param store - where the records of its searches are
 * @returns a row a gate: its group, its name (an operation's) or number, the pixel that an input's gate lies on, and the
 *   fraction of the searches that keep it
 * @example
 * ```ts
 * keptRows(planExperiment(experiment), store);
 * ```
 */
export function keptRows(plan: readonly PlannedTask[], store: RunStore): Row[] {
  return searchedArchitectures(plan, store)
    .filter(({ architectures: [first] }) => first.gateCount <= mostGates)
    .flatMap(({ labels, architectures }) => {
      const [{ groups, gateCount, model }] = architectures;
      const masks = architectures.map(({ mask }) => unpackBits(mask, gateCount));
      return groups.flatMap((group) => {
        const { name, kind, offset, size } = group;
        const operations = kind === "op" ? operationNames(model, name, size) : [];
        const picture = pictureSize(group);
        const channels = picture ? size / (picture[0] * picture[1]) : 1;
        return Array.from({ length: size }, (_, i) => ({
          ...labels,
          group: name,
          gate: operations[i] ?? i,
          row: picture ? Math.floor(i / channels / picture[1]) : null,
          column: picture ? Math.floor(i / channels) % picture[1] : null,
          kept: masks.reduce((sum, mask) => sum + mask[offset + i], 0) / masks.length,
          searches: masks.length,
        }));
      });
    });
}

/** The operations of a stage: each is followed by a normalisation layer named after it. */
function operationNames(model: ArchitectureJson["model"], stage: string, count: number): string[] {
  const found = model.layers
    .map(({ name }) => new RegExp(`^${stage}_(.+)_norm$`).exec(name)?.[1])
    .filter((name) => name !== undefined);
  return found.length === count ? found : [];
}
