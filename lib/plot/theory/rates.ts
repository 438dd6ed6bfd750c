import type { RateStudy } from "../../theory/index.js";
import { type Figure, type FigureOptions, makeFigure } from "../figure.js";
import { decades, round, whole } from "../numbers.js";
import { palette } from "../style.js";

/**
 * What Theorem 2 promises for more and more steps, what the classical analysis does, and what was reached.
 *
 * @param study - from `rateStudy`
 * @returns a figure; its table has one row a number of steps
 * @example
 * ```ts
 * await tt.show(tt.figures.rates(tt.rateStudy()));
 * ```
 * Source: Theorems 2 and 5 of this project's method notes (docs/theory.md).
 */
export function rates(study: RateStudy, options: FigureOptions = {}): Figure {
  const { steps, measured, own, classical, floor } = study;
  const losses = [...measured, ...own, ...classical, ...floor];
  const lines = [
    { name: "classical analysis (Theorem 5)", y: classical, color: palette.orange, dash: "solid" },
    { name: "its floor", y: floor, color: palette.orange, dash: "dot" },
    { name: "mirror analysis (Theorem 2)", y: own, color: palette.blue, dash: "solid" },
    { name: "measured", y: measured, color: palette.green, dash: "dash" },
  ];
  return makeFigure(
    {
      title: "One analysis has a floor, the other none",
      subtitle: `loss of the mean gates above the best architecture, n = ${steps.length} runs; both axes logarithmic`,
      data: lines.map(({ name, y, color, dash }) => ({
        type: "scatter",
        mode: "lines+markers",
        name,
        x: steps,
        y: y.map((value) => round(value, 4)),
        line: { color, dash, width: 2.5 },
        hovertemplate: `%{x} steps: %{y}<extra>${name}</extra>`,
      })),
      layout: {
        height: 400,
        legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom" },
        margin: { t: 100 },
        xaxis: { title: { text: "steps" }, type: "log", tickvals: steps, ticktext: steps.map(whole) },
        yaxis: {
          title: { text: "loss above the optimum" },
          type: "log",
          ...decades(Math.min(...losses), Math.max(...losses)),
        },
      },
      table: {
        columns: ["steps", "measured", "theorem_2", "classical", "floor"],
        rows: steps.map((step, k) => [step, measured[k], own[k], classical[k], floor[k]]),
      },
    },
    options,
  );
}
