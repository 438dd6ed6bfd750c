import type { ConvergenceStudy, Landscape, SliderName, StudiedRun } from "../../theory/index.js";
import { type Figure, type FigureOptions, makeFigure, type PlotlyObject } from "../figure.js";
import { percent, round } from "../numbers.js";
import { palette } from "../style.js";
import { frameSlider } from "./sliders.js";

const titles: Readonly<Record<SliderName, string>> = {
  tc: "cold temperature ",
  th: "hot temperature ",
  eta: "step size ",
  R: "box R ",
  gamma: "price of complexity ",
};

/**
 * Regret beside its bound, gates, objective and the loss landscape of two gates, the others as they are at the step, with
 * sliders for the temperatures, the step size, the box, the price of complexity, and the step. A slider changes its own value;
 * the others stand at the setting in the middle of the study. For all of them at once, see `convergenceExplorer`.
 *
 * Everything is inside the figure: it works in a saved notebook without a kernel, trusted or not.
 *
 * @param study - from `convergenceStudy`
 * @returns a figure; its table has one row a slider and value: regret, bound, excess, whether the optimum was found
 * @example
 * ```ts
 * await tt.show(tt.figures.convergence(tt.convergenceStudy()));
 * ```
 * Source: Theorem 1 of this project's method notes (docs/theory.md).
 */
export function convergence(study: ConvergenceStudy, options: FigureOptions = {}): Figure {
  const { base, landscapes, sliders, landscapeGates, landscapeAxis } = study;
  const [first, second] = landscapeGates;
  const gateCount = base.gates.length;
  const frames: PlotlyObject[] = [];
  const controls: PlotlyObject[] = [];
  const traces = Array.from({ length: gateCount + 6 }, (_, k) => k);

  // Where each slider stands in the setting in the middle, the step's last.
  const home = [
    ...sliders.map(({ name, runs }) =>
      Math.max(
        0,
        runs.findIndex((run) => run.values[name] === base.values[name]),
      ),
    ),
    base.steps.length - 1,
  ];
  /** What a frame changes beside the data: subtitle and range; all sliders but the one that was moved go home. */
  const headline = (run: StudiedRun, k: number, moved: number, to: number): PlotlyObject => ({
    "title.subtitle.text": subtitleOf(run, k),
    "yaxis.range": regretRange(run),
    ...Object.fromEntries(home.map((at, row) => [`sliders[${row}].active`, row === moved ? to : at])),
  });

  sliders.forEach(({ name, runs }, row) => {
    controls.push(
      frameSlider(
        titles[name],
        runs.map((run, k) => ({ label: String(round(run.values[name], 2)), frame: `${name} ${k}` })),
        home[row],
        { ...place(row), pad: { t: 0 } },
      ),
    );
    runs.forEach((run, k) => {
      frames.push({
        name: `${name} ${k}`,
        data: moving(run, run.steps.length - 1, run.landscape),
        traces,
        layout: headline(run, run.steps.length - 1, row, k),
      });
    });
  });
  base.steps.forEach((_, k) => {
    frames.push({
      name: `step ${k}`,
      data: moving(base, k, landscapes[k]),
      traces,
      layout: headline(base, k, sliders.length, k),
    });
  });
  controls.push(
    frameSlider(
      "step ",
      base.steps.map((step, k) => ({ label: String(step), frame: `step ${k}` })),
      base.steps.length - 1,
      { ...place(sliders.length), pad: { t: 0 } },
    ),
  );

  /** All traces of a run, with the marks at one of its steps. */
  function moving(run: StudiedRun, k: number, landscape: Landscape): PlotlyObject[] {
    const digits = (values: readonly number[]): number[] => values.map((value) => round(value, 3));
    return [
      { x: run.steps, y: digits(run.bound) },
      { x: run.steps, y: digits(run.regret) },
      { x: [run.steps[k]], y: [round(run.regret[k], 3)] },
      ...run.gates.map((gate) => ({ x: run.steps, y: digits(gate) })),
      {
        x: landscapeAxis.map((a) => round(a, 3)),
        y: landscapeAxis.map((a) => round(a, 3)),
        z: landscape.map(digits),
      },
      { x: digits(run.gates[first].slice(0, k + 1)), y: digits(run.gates[second].slice(0, k + 1)) },
      { x: [round(run.gates[first][k], 3)], y: [round(run.gates[second][k], 3)] },
    ];
  }

  const line = (name: string, color: string, axes: PlotlyObject, more: PlotlyObject = {}): PlotlyObject => ({
    type: "scatter",
    mode: "lines",
    name,
    line: { color, width: 2 },
    hovertemplate: `%{x}: %{y}<extra>${name}</extra>`,
    ...axes,
    ...more,
  });
  const dot = (axes: PlotlyObject): PlotlyObject => ({
    type: "scatter",
    mode: "markers",
    showlegend: false,
    marker: { color: palette.red, size: 10 },
    hoverinfo: "skip",
    ...axes,
  });
  const [left, middle, right] = [
    { xaxis: "x", yaxis: "y" },
    { xaxis: "x2", yaxis: "y2" },
    { xaxis: "x3", yaxis: "y3" },
  ];
  const looks: PlotlyObject[] = [
    line("bound", palette.orange, left),
    line("regret", palette.blue, left),
    dot(left),
    ...base.gates.map((gate, i) =>
      line(`gate ${i}`, gate.at(-1)! > 0.5 ? palette.blue : palette.grey, middle, { showlegend: false, opacity: 0.8 }),
    ),
    { type: "heatmap", showscale: false, ...right, hovertemplate: "%{x}, %{y}: objective %{z}<extra></extra>" },
    line("path", palette.red, right, { showlegend: false }),
    dot(right),
  ];
  return makeFigure(
    {
      title: "Convergence, beside what the theorem allows",
      subtitle: subtitleOf(base, base.steps.length - 1),
      data: moving(base, base.steps.length - 1, landscapes.at(-1)!).map((trace, k) => ({ ...looks[k], ...trace })),
      frames,
      layout: {
        height: 640,
        legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom" },
        margin: { t: 100, b: 20 },
        xaxis: { domain: [0, 0.29], anchor: "y", title: { text: "step" } },
        yaxis: { domain: [0.5, 1], anchor: "x", title: { text: "regret at the optimum" }, range: regretRange(base) },
        xaxis2: { domain: [0.37, 0.64], anchor: "y2", title: { text: "step" } },
        yaxis2: { domain: [0.5, 1], anchor: "x2", title: { text: "gates" }, range: [-0.03, 1.03] },
        xaxis3: { domain: [0.73, 1], anchor: "y3", title: { text: `gate ${first}` }, range: [-0.04, 1.04] },
        yaxis3: { domain: [0.5, 1], anchor: "x3", title: { text: `gate ${second}` }, range: [-0.04, 1.04] },
        annotations: [
          {
            text: "objective: light is low",
            x: 0.5,
            xref: "x3 domain",
            y: 1.01,
            yref: "y3 domain",
            yanchor: "bottom",
          },
        ],
        sliders: controls,
      },
      table: {
        columns: ["slider", "value", "regret", "bound", "ratio", "excess", "found"],
        rows: sliders.flatMap(({ name, runs }) =>
          runs.map((run) => {
            const [regret, bound] = [run.regret.at(-1)!, run.bound.at(-1)!];
            return [name, run.values[name], regret, bound, regret / bound, run.excess.at(-1)!, String(run.found)];
          }),
        ),
      },
    },
    options,
  );
}

/** Where the slider with this number stands: two columns below the plots. */
function place(number: number): PlotlyObject {
  return { x: number % 2 === 0 ? 0 : 0.54, len: 0.46, y: 0.3 - 0.16 * Math.floor(number / 2), yanchor: "top" };
}

/** Plotly's animations leave axes as they are. */
function regretRange({ regret, bound }: StudiedRun): [number, number] {
  const finite = [0, ...regret, ...bound].filter(Number.isFinite);
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  return [round(low - 0.02 * (high - low), 3), round(high + 0.05 * (high - low), 3)];
}

function subtitleOf({ steps, regret, bound, excess, found }: StudiedRun, k: number): string {
  const outcome = found ? "the best architecture was found" : "another architecture than the best was found";
  const share = `${percent(regret[k] / bound[k])} of the bound used`;
  return `${steps[k]} steps: ${share}; objective ${round(excess[k], 2)} above the optimum; in the end ${outcome}`;
}
