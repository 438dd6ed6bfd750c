import type { DataFrame } from "danfojs-node";
import { danfo } from "../danfo.js";
import { TwotempError } from "../errors.js";
import { average, effect, holm, type Measurement, varianceParts } from "../statistics/index.js";
import { csvText } from "../table.js";
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
 * @throws TwotempError `experiments/data` if records of the same data sets were made with different files
 * @example
 * ```ts
 * const rows = resultRows(planExperiment(experiment), store);
 * ```
 */
export function resultRows(plan: readonly PlannedTask[], store: RunStore, options: ResultOptions = {}): Row[] {
  const kind = options.kind ?? plan.at(-1)?.task.kind;
  const filesOf = new Map<string, { readonly id: string; readonly files: string }>();
  return plan
    .filter(({ task }) => task.kind === kind)
    .flatMap(({ task: { id }, labels }) => {
      const result = store.get(id)?.result;
      if (result === undefined) return [];
      const files = JSON.stringify((result as { data?: Json }).data);
      const sets = JSON.stringify([labels.source, labels.target]);
      const first = filesOf.get(sets) ?? { id, files };
      filesOf.set(sets, first);
      if (files !== first.files) {
        throw new TwotempError(
          "experiments/data",
          `tasks ${first.id.slice(0, 8)} and ${id.slice(0, 8)} were done with different files of the same data sets: remove the records of one of them and run again`,
        );
      }
      return rowsOf(result).map((row) => ({ task: id, ...scalars(labels), ...scalars(row) }));
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
  return csvText(
    columns,
    rows.map((row) => columns.map((column) => row[column])),
  );
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
  const { DataFrame } = await danfo();
  const columns = columnsOf(rows);
  return new DataFrame(
    rows.map((row) => columns.map((column) => row[column] ?? NaN)),
    { columns },
  );
}

/** What tells one setting of a transfer experiment from another. */
const setting = ["source", "target", "gates", "asked", "space", "strategy", "variant", "shots"] as const;

/** Of those, what one learned architecture may differ in from another that it is compared with. */
const ways = ["space", "strategy", "variant"] as const;

function groupBy(rows: readonly Row[], columns: readonly string[]): Row[][] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = JSON.stringify(columns.map((column) => row[column] ?? null));
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.values()];
}

/** Accuracies of an arm in points. */
function measurements(rows: readonly Row[], arm: unknown): Measurement[] {
  return rows
    .filter((row) => row.arm === arm)
    .map(({ search, episode, accuracy }) => ({
      search: search as number,
      // Draws of the same shots aren't independent: they are averaged.
      retraining: episode as number,
      value: 100 * (accuracy as number),
    }));
}

function effectRow(control: string, [first]: readonly Row[], learned: Measurement[], other: Measurement[]): Row {
  const { effect: size, low, high, searches, retrainings, p } = effect(learned, other);
  const { source, target, gates, density, shots, space, strategy, variant, asked } = first;
  const head = { source, target, gates, density, shots, control, effect: size, low, high, searches, retrainings };
  const mean = average(learned);
  return {
    ...head,
    space,
    strategy,
    variant,
    asked,
    learned: mean.mean,
    learnedLow: mean.low,
    learnedHigh: mean.high,
    p,
  };
}

/**
 * Learned minus each control for every setting of a transfer experiment, in points of accuracy, with bootstrap 95 %
 * intervals, p-values, and p-values corrected by Holm for all comparisons of the experiment. Where an experiment has several
 * spaces, strategies or variants, the architectures learned with the first of them are compared with those of each other:
 * the control is then "strategy NAME" and so on.
 *
 * @param rows - of tasks of kind `transfer`
 * @returns a row a comparison, its first columns those of every table of effects: source, target, gates, density, shots,
 *   control, effect, low, high, searches, retrainings; then what tells settings apart, the accuracy of the learned
 *   architectures with its interval, p and pHolm
 * @throws as `effect`
 * @example
 * ```ts
 * effectRows(resultRows(plan, store));
 * ```
 */
export function effectRows(rows: readonly Row[]): Row[] {
  const settings = groupBy(rows, setting);
  const againstControls = settings.flatMap((group) => {
    const learned = measurements(group, "learned");
    const names = new Set(group.map((row) => row.arm as string));
    names.delete("learned");
    return [...names].map((name) => effectRow(name, group, learned, measurements(group, name)));
  });
  const alike = setting.filter((column) => !(ways as readonly string[]).includes(column));
  const againstOthers = groupBy(
    rows.filter((row) => row.arm === "learned"),
    alike,
  ).flatMap((group) => {
    const [first, ...others] = groupBy(group, ways);
    return others.map((other) => {
      const differs = ways.filter((way) => other[0][way] !== first[0][way]);
      const control = differs.map((way) => `${way} ${other[0][way]}`).join(", ");
      return effectRow(control, first, measurements(first, "learned"), measurements(other, "learned"));
    });
  });
  const found = [...againstControls, ...againstOthers];
  const corrected = holm(found.map(({ p }) => p as number));
  return found.map((row, i) => ({ ...row, pHolm: corrected[i] }));
}

/**
 * The variance of each arm's accuracies in every setting, in squared points, split by where it comes from: the search seed, the
 * retraining (initial draw), the episode (which shots were drawn), and the rest.
 *
 * @param rows - of tasks of kind `transfer`
 * @returns a row a setting and arm; a part that the design can't tell from another is null
 */
export function varianceRows(rows: readonly Row[]): Row[] {
  return groupBy(rows, [...setting, "arm"])
    .filter((group) => group.length > 1)
    .map((group) => {
      const { source, target, gates, asked, space, strategy, variant, shots, arm } = group[0];
      const { total, ...parts } = varianceParts(
        group.map(({ search, draw, episode, accuracy }) => ({
          search: search as number,
          retraining: draw as number,
          episode: episode as number,
          value: 100 * (accuracy as number),
        })),
      );
      const { search = null, retraining = null, episode = null, residual = null } = parts;
      const head = { source, target, gates, shots, arm, space, strategy, variant, asked };
      return { ...head, search, retraining, episode, residual, total };
    });
}
