import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { danfo } from "../danfo.js";
import { TwotempError } from "../errors.js";
import { projectRoot } from "../project.js";
import type { EffectRow } from "../transfer/index.js";
import { effectMatrix } from "./effectMatrix.js";
import { effectsByDensity } from "./effectsByDensity.js";
import type { Figure } from "./figure.js";
import { effects } from "./transfer.js";

/** A row of a committed table of effects; the last three columns are there where an experiment varies them. */
export interface ExperimentEffect extends EffectRow {
  readonly space?: string;
  readonly strategy?: string;
  readonly variant?: string;
  /** Mean accuracy of the learned architectures, and the p-values: of tables that experiments save. */
  readonly learned?: number;
  readonly p?: number;
  readonly pHolm?: number;
}

const texts = ["source", "target", "gates", "control"] as const;
/** Fewer comparisons than this need no figure: the table says it. */
const fewest = 3;
const numbers = ["density", "shots", "effect", "low", "high", "searches", "retrainings"] as const;
/** Of the tables that experiments save. */
const further = ["learned", "p", "pHolm"] as const;
/** What tells the figures of one table apart. */
const settings = ["source", "target", "gates", "space", "strategy", "variant"] as const;

/**
 * Reads a CSV file's rows as danfojs understands them: numbers where every cell of a column is one.
 *
 * @typeParam Row - what its rows are known to hold; it isn't checked
 * @throws TwotempError `plot/effects` if it can't be read
 * @example
 * ```ts
 * const overlaps = await tt.readTable<tt.OverlapOf>("experiments/results/e3-overlaps.csv");
 * ```
 */
export async function readTable<Row = Record<string, unknown>>(path: string): Promise<Row[]> {
  const unread = (error: Error): never => {
    throw new TwotempError("plot/effects", `${path}: can't be read (${error.message})`);
  };
  await readFile(path).catch(unread);
  const { readCSV, toJSON } = await danfo();
  return toJSON(await readCSV(resolve(path)).catch(unread)) as Row[];
}

/**
 * Reads a table of effects, as `twotemp results --effects` and a transfer's `effects.csv` hold it.
 *
 * @throws TwotempError `plot/effects` naming the file and the column or row that isn't as expected
 */
export async function readEffects(path: string): Promise<ExperimentEffect[]> {
  const problem = (what: string): TwotempError => new TwotempError("plot/effects", `${path}: ${what}`);
  const rows = await readTable(path);
  return rows.map((read, i) => {
    // The ends of unknown intervals are empty cells.
    const end = (column: "low" | "high", unknown: number): object =>
      column in read && [null, "", NaN].includes(read[column] as null) ? { [column]: unknown } : {};
    const row = { ...read, ...end("low", -Infinity), ...end("high", Infinity) };
    for (const column of texts) {
      if (row[column] === undefined || row[column] === null) throw problem(`row ${i + 1} has no ${column}`);
    }
    for (const column of numbers) {
      if (row[column] === null || row[column] === undefined || Number.isNaN(Number(row[column]))) {
        throw problem(`row ${i + 1} has ${column} ${JSON.stringify(row[column])}, expected a number`);
      }
    }
    return {
      ...row,
      ...Object.fromEntries(texts.map((column) => [column, String(row[column])])),
      ...Object.fromEntries(numbers.map((column) => [column, Number(row[column])])),
      ...Object.fromEntries(
        further.filter((column) => row[column] !== undefined).map((column) => [column, Number(row[column])]),
      ),
    } as unknown as ExperimentEffect;
  });
}

/**
 * The figures of an experiment's table of effects: for each pair of data sets (and space, strategy, variant, where they vary)
 * the effects by density if there are several densities, else the forest of effects. A setting with fewer than three controls has
 * none; one control for every source and target makes a matrix.
 *
 * @param name - of the experiment, the first part of the figures' names
 * @returns figures by name
 * @example
 * ```ts
 * effectFigures("e1", await readEffects("experiments/results/e1-effects.csv"));
 * ```
 */
export function effectFigures(name: string, rows: readonly ExperimentEffect[]): Record<string, Figure> {
  const varying = settings.filter((column) => new Set(rows.map((row) => row[column])).size > 1);
  const groups = new Map<string, ExperimentEffect[]>();
  for (const row of rows) {
    const parts = [
      name,
      `${row.source} to ${row.target}`,
      ...varying.filter((column) => column !== "source" && column !== "target").map((column) => row[column] ?? "none"),
    ];
    const stem = parts.map((part) => part.replaceAll(/[^\w.]+/g, "-")).join("-");
    groups.set(stem, [...(groups.get(stem) ?? []), row]);
  }
  const sources = new Set(rows.map((row) => row.source));
  const targets = new Set(rows.map((row) => row.target));
  const controls = new Set(rows.map((row) => row.control));
  // Every source with every target, one comparison each: one matrix.
  if (
    controls.size === 1 &&
    sources.size >= fewest &&
    targets.size >= fewest &&
    rows.length <= sources.size * targets.size
  ) {
    return { [`${name}-matrix`]: effectMatrix(rows) };
  }
  return Object.fromEntries(
    [...groups]
      .filter(([, own]) => new Set(own.map((row) => row.control)).size >= fewest)
      .map(([stem, own]) => {
        const several = new Set(own.map((row) => row.density)).size > 1;
        return several ? [`${stem}-by-density`, effectsByDensity(own)] : [`${stem}-effects`, effects(own)];
      }),
  );
}

/**
 * Where a committed table of an experiment is.
 *
 * @param name - of the experiment
 * @param table - effects (default), gates, overlaps, searches or variance
 */
export const tablePath = (
  name: string,
  table: "effects" | "gates" | "overlaps" | "searches" | "variance" = "effects",
): string => join(projectRoot, "experiments", "results", `${name}-${table}.csv`);
