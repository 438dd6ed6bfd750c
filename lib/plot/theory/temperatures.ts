import { gate, gateSlope } from "../../relaxation/index.js";
import { type Figure, type FigureOptions, makeFigure, type PlotlyObject } from "../figure.js";
import { decades, round } from "../numbers.js";
import { palette } from "../style.js";
import { frameSlider } from "./sliders.js";

/**
 * What the forward and the backward pass see: the cold gate, its own slope, and the slope of the hot gate, with a slider for
 * the cold temperature.
 *
 * @param settings - temperatures `tc` of the slider, `th`, and the box `R`; default those of a search
 * @returns a figure; its table has one row a logit where the slider stands at first
 * @example
 * ```ts
 * await tt.show(tt.figures.temperatures());
 * ```
 * Source: "The problem" in this project's method notes (docs/theory.md).
 */
export function temperatures(
  settings: { readonly cold?: readonly number[]; readonly hot?: number; readonly radius?: number } = {},
  options: FigureOptions = {},
): Figure {
  const { cold = [0.02, 0.05, 0.1, 0.2, 0.5, 1], hot = 1, radius = 3 } = settings;
  const logits = Array.from({ length: 121 }, (_, k) => round(radius * (k / 60 - 1), 4));
  const start = Math.min(1, cold.length - 1);
  const curves = (tc: number): PlotlyObject[] => [
    { y: logits.map((x) => round(gate(x, tc), 4)) },
    { y: logits.map((x) => round(gateSlope(x, tc), 4)) },
    { y: logits.map((x) => round(gateSlope(x, hot), 4)) },
  ];
  const looks = [
    { name: "gate, forward", line: { color: palette.blue, width: 2.5 }, xaxis: "x", yaxis: "y" },
    { name: "slope of the cold gate", line: { color: palette.orange, width: 2.5 }, xaxis: "x2", yaxis: "y2" },
    { name: "slope of the hot gate, backward", line: { color: palette.red, width: 2.5 }, xaxis: "x2", yaxis: "y2" },
  ];
  const [forward, own, backward] = curves(cold[start]).map(({ y }) => y as number[]);
  return makeFigure(
    {
      title: "A gate, forward and backward",
      subtitle: `hot temperature ${hot}; move the slider to change the cold one`,
      data: curves(cold[start]).map((curve, k) => ({
        type: "scatter",
        mode: "lines",
        x: logits,
        ...curve,
        ...looks[k],
        hovertemplate: "logit %{x}: %{y}<extra></extra>",
      })),
      frames: cold.map((tc) => ({ name: String(tc), data: curves(tc), traces: [0, 1, 2] })),
      layout: {
        height: 430,
        legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
        margin: { t: 110 },
        xaxis: { domain: [0, 0.46], anchor: "y", title: { text: "logit" } },
        yaxis: { anchor: "x", title: { text: "gate" }, range: [-0.03, 1.03] },
        xaxis2: { domain: [0.54, 1], anchor: "y2", title: { text: "logit" } },
        yaxis2: { anchor: "x2", title: { text: "slope" }, type: "log", range: [-4, 1.2], ...decades(1e-4, 10) },
        sliders: [
          frameSlider(
            "cold temperature ",
            cold.map((tc) => ({ label: String(tc), frame: String(tc) })),
            start,
            { pad: { t: 56 } },
          ),
        ],
      },
      table: {
        columns: ["logit", "gate", "cold_slope", "hot_slope"],
        rows: logits.map((x, k) => [x, forward[k], own[k], backward[k]]),
      },
    },
    options,
  );
}
