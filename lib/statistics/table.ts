import { TwotempError } from "../errors.js";

/** One measured value: which architecture (search seed), retrained how (retraining seed or few-shot task). */
export interface Measurement {
  readonly search: string | number;
  readonly retraining: string | number;
  readonly value: number;
}

/** Measurements as a full table: a row per architecture, a column per retraining. */
export interface Table {
  readonly searches: readonly string[];
  readonly retrainings: readonly string[];
  /** `values[search][retraining]` */
  readonly values: readonly Float64Array[];
}

/**
 * Arranges measurements as a table of architectures by retrainings; several measurements of one cell are averaged.
 *
 * @throws TwotempError `statistics/empty`, `statistics/value` (not finite), `statistics/unbalanced` (an empty cell)
 */
export function tabulate(rows: readonly Measurement[], name: string): Table {
  if (rows.length === 0) throw new TwotempError("statistics/empty", `${name} has no measurements`);
  const cells = new Map<string, Map<string, { sum: number; count: number }>>();
  const columns = new Set<string>();
  for (const { search, retraining, value } of rows) {
    if (!Number.isFinite(value)) {
      throw new TwotempError(
        "statistics/value",
        `${name}: the value of search ${search}, retraining ${retraining} is ${value}; leave failed runs out or repeat them`,
      );
    }
    const row = cells.get(String(search)) ?? new Map<string, { sum: number; count: number }>();
    cells.set(String(search), row);
    columns.add(String(retraining));
    const cell = row.get(String(retraining)) ?? { sum: 0, count: 0 };
    row.set(String(retraining), { sum: cell.sum + value, count: cell.count + 1 });
  }
  // Sorted, so that the result doesn't depend on the order in which runs ended.
  const searches = [...cells.keys()].sort(byNumber);
  const retrainings = [...columns].sort(byNumber);
  const values = searches.map((search) =>
    Float64Array.from(retrainings, (retraining) => {
      const cell = cells.get(search)?.get(retraining);
      if (!cell) {
        throw new TwotempError(
          "statistics/unbalanced",
          `${name}: search ${search} lacks retraining ${retraining}; every architecture needs the same retrainings`,
        );
      }
      return cell.sum / cell.count;
    }),
  );
  return { searches, retrainings, values };
}

const collator = new Intl.Collator("en", { numeric: true });
const byNumber = (a: string, b: string): number => collator.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);
