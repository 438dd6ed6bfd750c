import assert from "node:assert/strict";
import { test } from "node:test";
import { agreement } from "../../lib/experiments/agreement.js";
import { overlapRows } from "../../lib/experiments/overlaps.js";
import type { PlannedTask } from "../../lib/experiments/index.js";
import type { RunStore } from "../../lib/experiments/store.js";

/** A search's plan and record: eight gates in one group, those kept as bits. */
function searched(id: string, variant: string, kept: number): { planned: PlannedTask; result: unknown } {
  const mask = Buffer.from([kept]).toString("base64");
  return {
    planned: {
      task: { id, kind: "search" } as PlannedTask["task"],
      labels: { source: "a", space: "input", strategy: "reset", variant, asked: 0.5 },
    },
    result: { architecture: { groups: [{ offset: 0, size: 8 }], gateCount: 8, mask } },
  };
}

test("overlaps are means over pairs of searches, each search counted once, beside chance", () => {
  const all = [searched("1", "x", 0b1111), searched("2", "x", 0b111100), searched("3", "y", 0b11110000)];
  const plan = [...all, all[0]].map(({ planned }) => planned);
  const results = new Map(all.map(({ planned, result }) => [planned.task.id, { result }]));
  const rows = overlapRows(plan, { get: (id: string) => results.get(id) } as unknown as RunStore);
  const told = rows.map(({ variant, other_variant: other, shared, chance, pairs }) => [
    variant,
    other,
    shared,
    chance,
    pairs,
  ]);
  assert.deepEqual(told, [
    ["x", "x", 0.5, 0.5, 1],
    ["x", "y", 0.25, 0.5, 2],
  ]);
});

test("agreement is what searches of one setting share, named by what tells the settings apart", () => {
  const row = (variant: string, other: string, shared: number) => {
    const setting = { source: "a", space: "input", strategy: "reset" };
    const others = { other_source: "a", other_space: "input", other_strategy: "reset", other_variant: other };
    return { ...setting, variant, asked: 0.5, ...others, shared, chance: 0.5, pairs: 3 };
  };
  assert.deepEqual(agreement([row("x", "x", 0.75), row("x", "y", 0.25), row("y", "y", 0.6)]), [
    { variant: "x", shared: 0.75, chance: 0.5, pairs: 3 },
    { variant: "y", shared: 0.6, chance: 0.5, pairs: 3 },
  ]);
});
