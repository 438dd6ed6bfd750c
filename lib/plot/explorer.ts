import { TwotempError } from "../errors.js";
import type { SearchTrace } from "../search/index.js";
import { escapeText, type Figure, type FigureOptions, makeFigure, type PlotlyObject } from "./figure.js";
import { gateGrid, gridSize, type GroupOfGates } from "./gateImage.js";
import { decimate, whole } from "./numbers.js";
import { type Traced, traceOf } from "./searchCurves.js";
import { palette } from "./style.js";

/** Numbers in all frames together, at most: a saved notebook holds them all. */
const frameNumbers = 60_000;

/** Histories that are drawn of one group, at most. */
const historyLimit = 60;

/** Buttons that fit side by side; more groups get a list. */
const buttonLimit = 6;

/**
 * An explorer of a finished search: a slider over the steps, the gates' logits as an image, and for the group that is
 * chosen by a click the histories of its gates.
 *
 * A gate is open where its logit is above 0 (blue) and closed below (orange). Everything is inside the figure: it
 * works in a saved notebook without a kernel.
 *
 * @param search - a search, finished or under way, or its trace
 * @returns a figure; its table has one row a snapshot and group: open, gates, mean logit
 * @throws TwotempError `plot/snapshots` if the trace holds none, because the space has too many gates
 * @example
 * ```ts
 * await tt.show(tt.figures.explorer(search.trace));
 * ```
 */
export function explorer(search: Traced, options: FigureOptions = {}): Figure {
  const trace = traceOf(search);
  const { groups, snapshots } = trace;
  if (snapshots.length === 0) {
    const gates = groups.reduce((sum, group) => sum + group.size, 0);
    throw new TwotempError(
      "plot/snapshots",
      `the trace holds no snapshots of its ${whole(gates)} gates (too many, or no step yet): figures.searchCurves and figures.gateHistogram show such a search`,
    );
  }
  const gateCount = snapshots[0].logits.length;
  const frames = decimate(snapshots.length, Math.max(2, Math.floor(frameNumbers / gateCount)));
  const shown = frames.map((i) => snapshots[i]);
  const last = shown.length - 1;
  const steps = snapshots.map((snapshot) => snapshot.step);
  const bound = Math.max(
    0.1,
    ...snapshots.map(({ logits }) => logits.reduce((most, x) => Math.max(most, Math.abs(x)), 0)),
  );

  const image = (group: GroupOfGates, logits: readonly number[]): (number | null)[][] =>
    gateGrid(group, logits).map((row) => row.map((value) => (value === null ? null : hundredth(value))));
  const images: PlotlyObject[] = groups.map((group, g) => ({
    type: "heatmap",
    name: escapeText(group.name),
    z: image(group, shown[last].logits),
    zmin: -hundredth(bound),
    zmax: hundredth(bound),
    xgap: gridSize(group)[1] <= 40 ? 1 : 0,
    ygap: gridSize(group)[0] <= 40 ? 1 : 0,
    visible: g === 0,
    colorbar: {
      orientation: "h",
      thickness: 10,
      len: 0.42,
      x: 0,
      xanchor: "left",
      y: -0.02,
      yanchor: "top",
      tickvals: [-hundredth(bound), 0, hundredth(bound)],
      ticktext: ["closed", "0", "open"],
      title: { text: "" },
    },
    hovertemplate: "row %{y}, column %{x}: logit %{z}<extra></extra>",
  }));
  const histories = groups.flatMap((group, g) => historyLines(group, snapshots, g === 0));
  const marker = (step: number): PlotlyObject => ({
    type: "line",
    xref: "x2",
    yref: "y2 domain",
    x0: step,
    x1: step,
    y0: 0,
    y1: 1,
  });
  const zero: PlotlyObject = {
    type: "line",
    xref: "x2 domain",
    yref: "y2",
    x0: 0,
    x1: 1,
    y0: 0,
    y1: 0,
    line: { dash: "dot" },
  };

  const visibility = (chosen: number): boolean[] => [
    ...groups.map((_, g) => g === chosen),
    ...groups.flatMap((_, g) => [g === chosen, g === chosen]),
  ];
  const menu = groups.length > 1 && {
    updatemenus: [
      {
        type: groups.length <= buttonLimit ? "buttons" : "dropdown",
        direction: groups.length <= buttonLimit ? "right" : "down",
        showactive: true,
        x: 0,
        xanchor: "left",
        y: 1.03,
        yanchor: "bottom",
        pad: { t: 0, b: 4 },
        font: { size: 12 },
        buttons: groups.map((group, g) => ({
          label: escapeText(group.name),
          method: "restyle",
          args: [{ visible: visibility(g) }],
        })),
      },
    ],
  };
  return makeFigure(
    {
      title: "Explore the search",
      subtitle: `${whole(gateCount)} gates, ${shown.length} of ${whole(trace.steps)} steps; move the slider${groups.length > 1 ? ", click on a group" : ""}`,
      data: [...images, ...histories],
      frames: shown.map(({ step, logits }) => ({
        name: String(step),
        data: groups.map((group) => ({ z: image(group, logits) })),
        traces: groups.map((_, g) => g),
        layout: { shapes: [zero, marker(step)] },
      })),
      layout: {
        height: 540,
        showlegend: false,
        margin: { t: groups.length > 1 ? 110 : 80, b: 110 },
        xaxis: hiddenAxis([0, 0.42], "y"),
        yaxis: { ...hiddenAxis([0, 1], "x"), autorange: "reversed", scaleanchor: "x" },
        xaxis2: { anchor: "y2", domain: [0.54, 1], title: { text: "step" }, range: [0, Math.max(1, steps.at(-1)!)] },
        yaxis2: {
          anchor: "x2",
          domain: [0, 1],
          title: { text: "logit of a gate" },
          range: [-1.05 * hundredth(bound), 1.05 * hundredth(bound)],
        },
        shapes: [zero, marker(shown[last].step)],
        sliders: [
          {
            active: last,
            x: 0,
            len: 1,
            pad: { t: 56 },
            currentvalue: { prefix: "step ", font: { size: 13 } },
            ticklen: 0,
            minorticklen: 0,
            steps: shown.map(({ step }) => ({
              label: String(step),
              method: "animate",
              args: [
                [String(step)],
                { mode: "immediate", frame: { duration: 0, redraw: true }, transition: { duration: 0 } },
              ],
            })),
          },
        ],
        ...menu,
      },
      table: {
        columns: ["step", "group", "open", "gates", "mean_logit"],
        rows: snapshots.flatMap(({ step, logits }) =>
          groups.map(({ name, offset, size }) => {
            const own = logits.slice(offset, offset + size);
            const open = own.filter((logit) => logit > 0).length;
            return [step, name, open, size, own.reduce((sum, logit) => sum + logit, 0) / size];
          }),
        ),
      },
    },
    options,
  );
}

/** Histories of a group's gates: those open at the end, and those closed, as one line each with gaps. */
function historyLines(group: GroupOfGates, snapshots: SearchTrace["snapshots"], visible: boolean): PlotlyObject[] {
  const final = snapshots.at(-1)!.logits;
  const gates = Array.from({ length: group.size }, (_, i) => group.offset + i).sort((a, b) => final[a] - final[b]);
  const drawn = decimate(gates.length, historyLimit).map((i) => gates[i]);
  const all = gates.length > drawn.length ? `${drawn.length} of ${whole(gates.length)} gates` : `${gates.length} gates`;
  return [true, false].map((open) => {
    const own = drawn.filter((gate) => final[gate] > 0 === open);
    return {
      type: "scatter",
      mode: "lines",
      name: `${open ? "open" : "closed"} at the end (${all} of ${escapeText(group.name)} drawn)`,
      x: own.flatMap(() => [...snapshots.map((snapshot) => snapshot.step), null]),
      y: own.flatMap((gate) => [...snapshots.map((snapshot) => hundredth(snapshot.logits[gate])), null]),
      xaxis: "x2",
      yaxis: "y2",
      visible,
      opacity: 0.55,
      line: { color: open ? palette.blue : palette.orange, width: 1 },
      hovertemplate: "step %{x}: logit %{y}<extra></extra>",
    };
  });
}

function hundredth(value: number): number {
  // Adding 0 makes 0 of -0.
  return Number(value.toFixed(2)) + 0;
}

function hiddenAxis(domain: readonly number[], anchor: string): PlotlyObject {
  return { domain, anchor, showgrid: false, showline: false, showticklabels: false, ticks: "", constrain: "domain" };
}
