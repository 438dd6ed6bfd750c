import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { TwotempError } from "../errors.js";
import type { Experiment, PlannedTask } from "./experiment.js";
import { writeAtomically } from "./files.js";
import { keptRows } from "./keptGates.js";
import { overlapRows } from "./overlaps.js";
import { effectRows, resultRows, type Row, rowsToCsv, varianceRows } from "./results.js";
import type { RunStore } from "./store.js";

/** Digits after the point in tables that are committed: far below what a repetition would change. */
const digits = 6;

/** Digits of an architecture's hash. */
const hashDigits = 12;

const short = (value: Row[string]): Row[string] => (typeof value === "number" ? Number(value.toFixed(digits)) : value);

/** Without task ids, which change with every edit of the code behind them, and with short numbers. */
function tidy(rows: readonly Row[]): Row[] {
  return rows.map((row) =>
    Object.fromEntries(
      Object.entries(row)
        .filter(([column]) => column !== "task")
        .map(([column, value]) => [
          column,
          column === "architecture" ? String(value).slice(0, hashDigits) : short(value),
        ]),
    ),
  );
}

/**
 * Writes the tables of an experiment that is done: a row a result in `NAME.csv`, and of transfers the searches in
 * `NAME-searches.csv`, the effects in `NAME-effects.csv`, the parts of the variance in `NAME-variance.csv` and how much of
 * their gates architectures share in `NAME-overlaps.csv`, and in small spaces how often each gate is kept in `NAME-gates.csv`. The same
 * records make the same bytes.
 *
 * @returns the paths
 * @throws TwotempError `experiments/unfinished` if a task has no record
 */
export function saveTables(
  { name }: Experiment,
  plan: readonly PlannedTask[],
  store: RunStore,
  folder: string,
): string[] {
  const left = plan.filter(({ task }) => store.get(task.id) === undefined).length;
  if (left > 0) {
    throw new TwotempError("experiments/unfinished", `${left} of ${plan.length} tasks of ${name} aren't done: run it`);
  }
  mkdirSync(folder, { recursive: true });
  const rows = resultRows(plan, store);
  const tables: Record<string, readonly Row[]> = { [name]: rows };
  if (plan.at(-1)?.task.kind === "transfer") {
    tables[`${name}-searches`] = resultRows(plan, store, { kind: "search" });
    tables[`${name}-effects`] = effectRows(rows);
    tables[`${name}-variance`] = varianceRows(rows);
    tables[`${name}-overlaps`] = overlapRows(plan, store);
    const kept = keptRows(plan, store);
    if (kept.length > 0) tables[`${name}-gates`] = kept;
  }
  return Object.entries(tables).map(([stem, table]) => {
    const path = join(folder, `${stem}.csv`);
    writeAtomically(path, rowsToCsv(tidy(table)));
    return path;
  });
}
