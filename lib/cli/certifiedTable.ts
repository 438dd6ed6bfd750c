import { alignedText } from "../table.js";
import type { CertifiedRow, CertifiedRun } from "../theory/index.js";

/** The rows of `twotemp certify` for people: one line an inequality, over all seeds. */
export function certifiedTable({
  rows,
  runs,
}: {
  rows: readonly CertifiedRow[];
  runs: readonly CertifiedRun[];
}): string {
  const header = [
    "theorem",
    "what is bounded",
    "problem",
    "update",
    "batch",
    "runs",
    "part of the bound used",
    "holds",
  ];
  const lines = [...group(rows, (row) => key(row))].map(([, same]) => {
    const { theorem, problem, update, batch } = same[0];
    const ratios = same.map((row) => row.ratio);
    const range = `${Math.min(...ratios).toFixed(3)} to ${Math.max(...ratios).toFixed(3)}`;
    const broken = same.filter((row) => !row.holds).length;
    const holds = broken === 0 ? "yes" : `NO, in ${broken}`;
    return [String(theorem), kind(same[0].what), problem, update, String(batch), String(same.length), range, holds];
  });
  const searches = [...group(runs, ({ problem, update, batch }) => `${problem} ${update} ${batch}`)].map(([, same]) => {
    const found = same.filter((run) => run.found).length;
    const gap = Math.max(...same.map((run) => run.gap)).toPrecision(2);
    return [same[0].problem, same[0].update, String(same[0].batch), `${found} of ${same.length}`, gap];
  });
  const broken = rows.filter((row) => !row.holds).length;
  return [
    alignedText([header, ...lines]),
    "",
    "Searches that ended at the best of all architectures:",
    alignedText([["problem", "update", "batch", "best found", "largest gap to the best loss"], ...searches]),
    "",
    broken === 0
      ? `All ${rows.length} inequalities hold.`
      : `${broken} of ${rows.length} inequalities don't hold: a fault of the code; please report it.`,
  ].join("\n");
}

/** What is bounded, without the number of the gate. */
function kind(what: string): string {
  return what.replace(/gate \d+ alone/, "the tightest gate").replace(/the \d+ gates/, "gates");
}

function key({ theorem, what, problem, update, batch }: CertifiedRow): string {
  return JSON.stringify([theorem, kind(what), problem, update, batch]);
}

function group<T>(items: readonly T[], by: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(by(item), [...(groups.get(by(item)) ?? []), item]);
  return groups;
}
