import type { Row } from "./results.js";
import { searchSetting } from "./keptGates.js";

/**
 * How much of their gates the searches of one setting share, out of a table of overlaps, which has every two settings.
 *
 * @param overlaps - from {@link overlapRows}, or a committed table of them
 * @returns a row a setting: what tells it from the others, `shared`, `chance` and `pairs`
 * @example
 * ```ts
 * await tt.show(tt.agreement(await tt.readTable<tt.Row>(tt.tablePath("e3", "overlaps"))));
 * ```
 */
export function agreement(overlaps: readonly Row[]): Row[] {
  const own = overlaps.filter((row) =>
    searchSetting.every((column) => column === "asked" || row[column] === row[`other_${column}`]),
  );
  const varying = searchSetting.filter((column) => new Set(own.map((row) => row[column])).size > 1);
  const columns = [...varying, "shared", "chance", "pairs"];
  return own.map((row) => Object.fromEntries(columns.map((column) => [column, row[column]])));
}
