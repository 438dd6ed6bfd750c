import type { SearchTrace } from "../search/index.js";
import { budgetText } from "./budgetText.js";
import {
  escapeText,
  lineKey,
  makeFigure,
  type Figure,
  type FigureOptions,
  type FigureParts,
  type PlotlyObject,
} from "./figure.js";
import { decimate, percent, round, runningMean, whole } from "./numbers.js";
import { groupColors, palette } from "./style.js";

/** Points that a curve is drawn with, at most; the running mean is taken before. */
const pointLimit = 250;

/** Lines that get a name of their own; more would not be told apart. */
const namedLines = 6;

/**
 * Loss, price of complexity and fraction kept of a search, step by step.
 *
 * Above, in the units of the loss: the mean loss between two records (dots), its running mean over a 20th of the records
 * (line), and what the open gates cost, `gamma <c, a>`. Below: the fraction of open gates of each group, and the density that is
 * steered to (dotted).
 *
 * @param search - a search, finished or under way, or its trace
 * @returns a figure; its table has one row a recorded step
 * @example
 * ```ts
 * await tt.show(tt.figures.searchCurves(search.trace));
 * ```
 */
export function searchCurves(search: Traced, options: FigureOptions = {}): Figure {
  const { layout, ...parts } = curveParts(traceOf(search), 1);
  return makeFigure(
    {
      title: "Search: loss, price of complexity, gates kept",
      ...parts,
      layout: { ...layout, margin: { r: 140 } },
    },
    options,
  );
}

/** What has a search's trace, or the trace itself. */
export type Traced = SearchTrace | { readonly trace: SearchTrace };

/** The trace of a search, or the one that is given. */
export function traceOf(search: Traced): SearchTrace {
  return "trace" in search ? search.trace : search;
}

/** The curves in the left part of a figure, up to `right` of its width, with room for labels beyond. */
export function curveParts(trace: SearchTrace, right: number): Omit<FigureParts, "title"> {
  const { entries, groups, density } = trace;
  const shown = decimate(entries.length, pointLimit);
  const pick = (values: readonly number[]): number[] => shown.map((i) => round(values[i]));
  const steps = entries.map((entry) => entry.step);
  const losses = entries.map((entry) => entry.loss);
  const costs = entries.map((entry) => entry.price * entry.complexity);
  const width = Math.max(1, Math.round(entries.length / 20));
  const smooth = runningMean(losses, width);
  const x = pick(steps);

  const named = groups.length <= namedLines;
  const colors = groupColors(groups.length);
  const data: PlotlyObject[] = [
    {
      type: "scatter",
      mode: "markers",
      name: "loss between two records",
      x,
      y: pick(losses),
      marker: { color: palette.blue, opacity: 0.3, size: 4 },
    },
    line("loss, running mean", x, pick(smooth), palette.blue, 2.5),
    line("price of open gates", x, pick(costs), palette.orange, 2),
    ...groups.map((group, g) => ({
      ...line(group.name, x, pick(entries.map((entry) => entry.kept[g])), colors[g], named ? 2 : 1),
      yaxis: "y2",
      opacity: named ? 1 : 0.6,
    })),
  ];

  const last = entries.length - 1;
  const labels: Label[] =
    last < 0
      ? []
      : [
          { text: "loss", y: smooth[last], color: palette.blue, yref: "y" },
          { text: "price of open gates", y: costs[last], color: palette.orange, yref: "y" },
        ];
  if (last >= 0 && named) {
    groups.forEach((group, g) => {
      const y = entries[last].kept[g];
      labels.push({ text: `${group.name} ${percent(y)}`, y, color: colors[g], yref: "y2" });
    });
  }
  const top = Math.max(0.01, ...losses, ...costs) * 1.05;
  const shapes =
    density === undefined
      ? []
      : [
          {
            type: "line",
            xref: "x domain",
            x0: 0,
            x1: 1,
            yref: "y2",
            y0: density,
            y1: density,
            line: { dash: "dot" },
          },
        ];

  return {
    subtitle: subtitle(trace, width),
    data,
    layout: {
      height: 460,
      showlegend: false,
      xaxis: { title: { text: "step" }, anchor: "y2", domain: [0, right], range: [0, Math.max(1, trace.steps)] },
      yaxis: { title: { text: "loss" }, domain: [0.46, 1], range: [0, round(top)] },
      yaxis2: { title: { text: "gates kept" }, domain: [0, 0.38], range: [0, 1.04], tickformat: ".0%" },
      shapes,
      annotations: [
        ...endLabels(
          labels.filter((label) => label.yref === "y"),
          top,
          190,
        ),
        ...endLabels(
          labels.filter((label) => label.yref === "y2"),
          1.04,
          130,
        ),
      ],
    },
    table: {
      columns: [
        "step",
        "loss",
        "loss_running_mean",
        "price",
        "complexity",
        ...groups.map((group) => `kept_${group.name}`),
      ],
      rows: entries.map((entry, i) => [
        entry.step,
        entry.loss,
        smooth[i],
        entry.price,
        entry.complexity,
        ...entry.kept,
      ]),
    },
  };
}

function subtitle(trace: SearchTrace, width: number): string {
  const gates = trace.groups.reduce((sum, group) => sum + group.size, 0);
  const { density, budget } = trace;
  const goal = budget ? budgetText(budget) : density === undefined ? undefined : percent(density);
  return `${whole(trace.steps)} steps, ${whole(gates)} gates${goal === undefined ? "" : `, steered to ${goal}`}; line: mean over ${width} of ${trace.entries.length} records`;
}

function line(name: string, x: number[], y: number[], color: string, width: number): PlotlyObject {
  return { type: "scatter", mode: "lines", name, x, y, line: { color, width } };
}

interface Label {
  readonly text: string;
  readonly y: number;
  readonly color: string;
  readonly yref: string;
}

/**
 * Annotations beside the lines' ends, moved apart where they would cover each other.
 *
 * @param top - of the axis, which starts at 0
 * @param height - of the axis in pixels
 */
function endLabels(labels: readonly Label[], top: number, height: number): PlotlyObject[] {
  const gap = (17 / height) * top;
  const at = labels.map((label) => label.y);
  const order = [...labels.keys()].sort((a, b) => at[a] - at[b] || b - a);
  for (let i = 1; i < order.length; i++) at[order[i]] = Math.max(at[order[i]], at[order[i - 1]] + gap);
  return labels.map(({ text, color, yref }, i) => ({
    text: `${lineKey(color)} ${escapeText(text)}`,
    x: 1.015,
    xref: "x domain",
    xanchor: "left",
    y: round(at[i]),
    yref,
  }));
}
