import type { Bound, Certificate } from "../theory/index.js";
import { unmet } from "../theory/bound.js";
import { escapeText, type Figure, type FigureOptions, makeFigure, type PlotlyObject } from "./figure.js";
import { percent, round, whole } from "./numbers.js";
import { palette } from "./style.js";

/**
 * What was measured beside what a theorem allows: a bar a bound, as part of the bound, with a mark at 100 %.
 *
 * A bound whose assumptions the run doesn't meet has no bar; the assumption stands in its place.
 *
 * @param bounds - inequalities `left <= right`, evaluated on one run
 * @returns a figure; its table has one row a bound: both sides, their ratio, whether it holds
 */
export function bounds(bounds: readonly Bound[], options: FigureOptions = {}): Figure {
  const { data, layout } = boundParts(bounds, "x", "y", (bound) => {
    const [above, insteadOfBar] = boundText(bound);
    return [`${bound.theorem}, ${above}`, insteadOfBar];
  });
  return makeFigure(
    {
      title: "Measured, beside what the theorems allow",
      subtitle: `${bounds.length} bounds; at 100 % a bound is used up`,
      data,
      layout: { height: boundsHeight(bounds.length), showlegend: false, margin: { l: 24 }, ...layout },
      table: boundTable(bounds),
    },
    options,
  );
}

/**
 * The regret certificate of a search: measured regret as part of its bound, at the final architecture, at the worst one
 * for the search, and at the gate that comes nearest to its own share.
 *
 * @param given - a certificate, or the search that it is of, finished or under way
 * @returns a figure; its table has one row a bound
 * @example
 * ```ts
 * await tt.show(tt.figures.certificate(search.certificate()));
 * ```
 * Source: Theorems 1 and 8 of this project's method notes (docs/theory.md).
 */
export function certificate(given: Certificate | { certificate(): Certificate }, options: FigureOptions = {}): Figure {
  const certificate = "certificate" in given ? given.certificate() : given;
  const { atFinal, atWorst, atTightestGate, fromBelow } = certificate;
  const all = [atFinal, atWorst, atTightestGate, fromBelow].filter((bound) => bound !== undefined);
  const { data, layout } = boundParts(all, "x", "y");
  const source = `${atFinal.theorem} of the project's method notes`;
  const outcome =
    certificate.holds === undefined
      ? `no bound: ${unmet(atFinal) || unmet(atWorst)}`
      : `${source}: ${certificate.holds ? "all bounds hold" : "violated, a fault of the code"}`;
  return makeFigure(
    {
      title: "Regret certificate",
      subtitle: `${whole(certificate.steps)} steps; ${outcome}`,
      data,
      layout: { height: boundsHeight(all.length), showlegend: false, margin: { l: 24 }, ...layout },
      table: boundTable(all),
    },
    options,
  );
}

function boundsHeight(count: number): number {
  return 150 + 58 * count;
}

/** Bars of bounds on one pair of axes, with a line of text above each, and why there is none in place of a bar. */
export function boundParts(
  bounds: readonly Bound[],
  x: string,
  y: string,
  label: (bound: Bound) => readonly [above: string, insteadOfBar?: string] = boundText,
): { data: PlotlyObject[]; layout: PlotlyObject; annotations: PlotlyObject[]; shapes: PlotlyObject[] } {
  const rows = bounds.map((_, i) => i);
  const ratios = bounds.map((bound) => bound.ratio ?? 0);
  const most = Math.max(1, ...ratios.filter(Number.isFinite));
  const least = Math.min(0, ...ratios.filter(Number.isFinite));
  const data: PlotlyObject[] = [
    {
      type: "bar",
      orientation: "h",
      x: ratios.map((ratio) => round(ratio)),
      y: rows,
      xaxis: x,
      yaxis: y,
      width: 0.3,
      marker: { color: bounds.map((bound) => (bound.holds === false ? palette.red : palette.blue)) },
      hovertemplate: "%{x:.1%} of the bound<extra></extra>",
    },
  ];
  const line = (text: string, row: number, more: PlotlyObject): PlotlyObject => ({
    text: escapeText(text),
    x: 0,
    xref: `${x} domain`,
    xanchor: "left",
    y: row,
    yref: y,
    ...more,
  });
  const annotations = bounds.flatMap((bound, i) => {
    const [above, instead] = label(bound);
    const own = line(above, i - 0.24, { yanchor: "bottom" });
    return instead === undefined ? [own] : [own, line(instead, i, { opacity: 0.7 })];
  });
  const shapes: PlotlyObject[] = [
    { type: "line", xref: x, yref: `${y} domain`, x0: 1, x1: 1, y0: 0, y1: 1, line: { dash: "dot", width: 1.5 } },
  ];
  const axis = (name: string): string => name.replace(/^([xy])/, "$1axis");
  const layout = {
    [axis(x)]: {
      anchor: y,
      title: { text: "part of the bound" },
      tickformat: ".0%",
      range: [round(least * 1.05), round(most * 1.05)],
      showgrid: true,
      nticks: 6,
    },
    [axis(y)]: { anchor: x, range: [bounds.length - 0.7, -0.75], showgrid: false, showticklabels: false },
    annotations,
    shapes,
  };
  return { data, layout, annotations, shapes };
}

/** `regret at the final architecture: 12.3 of at most 45.6 (27 %)`, or what fails. */
function boundText(bound: Bound): [above: string, insteadOfBar?: string] {
  const { what, left, right, ratio } = bound;
  if (left === undefined) return [what, `no bound: ${unmet(bound)}`];
  return [`${what}: ${round(left, 3)} of at most ${round(right!, 3)} (${percent(ratio!)})`];
}

function boundTable(bounds: readonly Bound[]): Figure["table"] {
  return {
    columns: ["theorem", "what", "measured", "bound", "ratio", "holds"],
    rows: bounds.map(({ theorem, what, left, right, ratio, holds }) => [
      theorem,
      what,
      left ?? null,
      right ?? null,
      ratio ?? null,
      holds === undefined ? "no bound" : String(holds),
    ]),
  };
}
