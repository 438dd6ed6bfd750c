import type { DataFrame } from "danfojs-node";
import { TwotempError } from "../errors.js";
import { effect, holm, type Measurement } from "../statistics/index.js";
import { isPlainObject, type Json } from "./canonical.js";
import type { Labels, PlannedTask } from "./experiment.js";
import type { RunStore } from "./store.js";

/** One line of a table of results. */
export type Row = Readonly<Record<string, string | number | boolean | null>>;

export interface ResultOptions {
  /** Kind of the tasks whose rows are wanted. Default: the kind of the plan's last task. */
  readonly kind?: string;
}

/**
 * The results of an experiment as rows: for each task that is done its labels, then what its result's `rows` hold, in
 * the order of the plan.
 *
 * @param plan - of the experiment
 * @param store - where its records are
 * @returns one row a row of a result; records that are missing or not to be trusted have none
 * @example
 * ```ts
 * const rows = resultRows(planExperiment(experiment), store);
 * ```
 */
export function resultRows(plan: readonly PlannedTask[], store: RunStore, options: ResultOptions = {}): Row[] {
  const kind = options.kind ?? plan.at(-1)?.task.kind;
  return plan
    .filter(({ task }) => task.kind === kind)
    .flatMap(({ task, labels }) => {
      const result = store.get(task.id)?.result;
      return result === undefined
        ? []
        : rowsOf(result).map((row) => ({ task: task.id, ...scalars(labels), ...scalars(row) }));
    });
}

function rowsOf(result: Json): Labels[] {
  const rows = isPlainObject(result) ? result.rows : undefined;
  return Array.isArray(rows) ? (rows.filter(isPlainObject) as unknown as Labels[]) : [];
}

function scalars(row: Labels): Row {
  return Object.fromEntries(
    Object.entries(row).filter(([, value]) => value === null || typeof value !== "object"),
  ) as Row;
}

/** The columns of rows that needn't have the same ones, in the order in which they first occur. */
function columnsOf(rows: readonly Row[]): string[] {
  return [...new Set(rows.flatMap((row) => Object.keys(row)))];
}

/** Rows as CSV (RFC 4180), numbers with every digit that they have. */
export function rowsToCsv(rows: readonly Row[]): string {
  const columns = columnsOf(rows);
  const cell = (value: Row[string] | undefined): string => {
    const text = value === null || value === undefined ? "" : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = rows.map((row) => columns.map((column) => cell(row[column])).join(","));
  return [columns.map(cell).join(","), ...lines].map((line) => `${line}\n`).join("");
}

/** Rows as JSON lines. */
export function rowsToJsonLines(rows: readonly Row[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
}

/**
 * Rows as a danfojs data frame. Its arithmetic is in float32: keep exact numbers in the rows.
 *
 * @throws TwotempError `experiments/empty` if there are none, which danfojs can't hold
 */
export async function rowsToDataFrame(rows: readonly Row[]): Promise<DataFrame> {
  if (rows.length === 0)
    throw new TwotempError("experiments/empty", "no task of this kind is done yet: run the experiment first");
  const { DataFrame } = await import("danfojs-node");
  const columns = columnsOf(rows);
  return new DataFrame(
    rows.map((row) => columns.map((column) => row[column] ?? NaN)),
    { columns },
  );
}

/** What tells one comparison of an experiment from another. */
const comparison = ["source", "target", "gates", "density", "space", "strategy", "variant", "shots"];

/**
 * Learned minus each control for every setting of a transfer experiment, in points of accuracy, with bootstrap 95 %
 * intervals, p-values, and p-values corrected by Holm for all comparisons of the experiment.
 *
 * @param rows - of tasks of kind `transfer`
 * @returns a row a comparison, its first columns those of every table of effects: source, target, gates, density, shots,
 *   control, effect, low, high, searches, retrainings
 * @throws as `effect`
 * @example
 * ```ts
 * effectRows(resultRows(plan, store));
 * ```
 */
export function effectRows(rows: readonly Row[]): Row[] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = JSON.stringify(comparison.map((column) => row[column] ?? null));
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  const found = [...groups.values()].flatMap((group) => {
    const arm = (name: unknown): Measurement[] =>
      group
        .filter((row) => row.arm === name)
        .map(({ search, retraining, accuracy }) => ({
          search: search as number,
          retraining: retraining as number,
          value: 100 * (accuracy as number),
        }));
    const learned = arm("learned");
    const [{ source, target, gates, density, shots, space, strategy, variant }] = group;
    return [...new Set(group.map((row) => row.arm))]
      .filter((name) => name !== "learned")
      .map((control) => {
        const { effect: size, low, high, searches, retrainings, p } = effect(learned, arm(control));
        const head = { source, target, gates, density, shots, control };
        return { ...head, effect: size, low, high, searches, retrainings, space, strategy, variant, p };
      });
  });
  const corrected = holm(found.map(({ p }) => p));
  return found.map((row, i) => ({ ...row, pHolm: corrected[i] }));
}
