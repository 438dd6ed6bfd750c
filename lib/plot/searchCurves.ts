import type { SearchTrace } from "../search/index.js";
import { makeFigure, type Figure, type FigureOptions, type PlotlyObject } from "./figure.js";
import { decimate, percent, round, runningMean, whole } from "./numbers.js";
import { groupColors, palette } from "./style.js";

/** Points that a curve is drawn with, at most; the running mean is taken before. */
const pointLimit = 500;

/** Lines that get a name of their own; more would not be told apart. */
const namedLines = 6;

/**
 * Loss, price of complexity and fraction kept of a search, step by step.
 *
 * Above, in the units of the loss: the mini-batch loss (dots), its running mean over a 20th of the records (line), and what the open gates cost,
 * `gamma <c, a>`. Below: the fraction of open gates of each group, and the density that is steered to.
 *
 * @param trace - of a search, finished or under way
 * @returns a figure; its table has one row a recorded step
 * @example
 * ```ts
 * tt.show(tt.figures.searchCurves(search.trace));
 * ```
 */
export function searchCurves(trace: SearchTrace, options: FigureOptions = {}): Figure {
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
      name: "loss of a batch",
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
  const labels =
    last < 0
      ? []
      : spread(
          [
            { text: "loss", y: smooth[last], color: palette.blue, yref: "y" },
            { text: "price of<br>open gates", y: costs[last], color: palette.orange, yref: "y" },
          ],
          0.2 * (Math.max(...losses, ...costs) - Math.min(0, ...losses)),
        ).concat(
          named
            ? spread(
                groups.map((group, g) => ({
                  text: `${group.name}<br>${percent(entries[last].kept[g])}`,
                  y: entries[last].kept[g],
                  color: colors[g],
                  yref: "y2",
                })),
                0.26,
              )
            : [],
        );
  const shapes =
    density === undefined
      ? []
      : [{ type: "line", xref: "paper", x0: 0, x1: 1, yref: "y2", y0: density, y1: density, line: { dash: "dot", width: 1 } }];

  return makeFigure(
    {
      title: "Search: loss, price of complexity, gates kept",
      subtitle: subtitle(trace, width),
      data,
      layout: {
        height: 460,
        showlegend: false,
        margin: { r: 118 },
        xaxis: { title: { text: "step" }, anchor: "y2", range: [0, Math.max(1, trace.steps)] },
        yaxis: { title: { text: "loss" }, domain: [0.46, 1], rangemode: "tozero" },
        yaxis2: { title: { text: "gates kept" }, domain: [0, 0.38], range: [0, 1.04], tickformat: ".0%" },
        shapes,
        annotations: labels.map(({ text, at, color, yref }) => ({
          text,
          font: { color },
          x: 1.01,
          xref: "paper",
          xanchor: "left",
          y: round(at),
          yref,
          align: "left",
        })),
      },
      table: {
        columns: ["step", "loss", "loss_running_mean", "price", "complexity", ...groups.map((group) => `kept_${group.name}`)],
        rows: entries.map((entry, i) => [
          entry.step,
          entry.loss,
          smooth[i],
          entry.price,
          entry.complexity,
          ...entry.kept,
        ]),
      },
    },
    options,
  );
}

function subtitle(trace: SearchTrace, width: number): string {
  const gates = trace.groups.reduce((sum, group) => sum + group.size, 0);
  const goal = trace.density === undefined ? "" : `, steered to ${percent(trace.density)}`;
  return `${whole(trace.steps)} steps, ${whole(gates)} gates${goal}; line: mean over ${width} of ${trace.entries.length} records`;
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

/** Labels at their lines' ends, moved apart where they would lie less than `gap` from each other. */
function spread(labels: readonly Label[], gap: number): (Label & { at: number })[] {
  const sorted = labels.map((label) => ({ ...label, at: label.y })).sort((a, b) => a.y - b.y);
  for (let i = 1; i < sorted.length; i++) sorted[i].at = Math.max(sorted[i].at, sorted[i - 1].at + gap);
  return sorted;
}
