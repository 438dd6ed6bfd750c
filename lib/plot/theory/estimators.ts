import type { EstimatorScore, Scored } from "../../theory/index.js";
import { type Figure, type FigureOptions, makeFigure, type PlotlyObject } from "../figure.js";
import { decades, round, whole } from "../numbers.js";
import { palette } from "../style.js";

/**
 * How often each estimator finds the best architecture, how far it stays above it, and how noisy its gradient is, with 95 %
 * intervals.
 *
 * @param scores - from `compareEstimators`
 * @returns a figure; its table has one row an estimator
 * @example
 * ```ts
 * await tt.show(tt.figures.estimators(await tt.compareEstimators()));
 * ```
 * Source: "How tight it is" in this project's method notes (docs/theory.md).
 */
export function estimators(scores: readonly EstimatorScore[], options: FigureOptions = {}): Figure {
  const names = scores.map((score) => score.estimator);
  const panels: readonly { key: "hitRate" | "gap" | "noise"; title: string; axis: PlotlyObject }[] = [
    { key: "hitRate", title: "best architecture found", axis: { tickformat: ".0%", range: [0, 1.02] } },
    { key: "gap", title: "loss above the best", axis: { rangemode: "tozero" } },
    { key: "noise", title: "noise of the gradient", axis: { type: "log", ...decades(1e-6, 1e6) } },
  ];
  const layout: Record<string, PlotlyObject> = {};
  const data = panels.map(({ key, title, axis }, p) => {
    const suffix = p === 0 ? "" : String(p + 1);
    const values: Scored[] = scores.map((score) => score[key]);
    layout[`xaxis${suffix}`] = {
      anchor: "y",
      domain: [round(0.36 * p, 3), round(0.36 * p + 0.28, 3)],
      title: { text: title },
      showgrid: true,
      ...axis,
    };
    return {
      type: "scatter",
      mode: "markers",
      x: values.map(({ value }) => round(value)),
      y: names,
      xaxis: `x${suffix}`,
      yaxis: "y",
      cliponaxis: false,
      marker: { color: palette.blue, size: 9 },
      error_x: {
        type: "data",
        symmetric: false,
        array: values.map(({ value, high }) => round(high - value)),
        arrayminus: values.map(({ value, low }) => round(value - low)),
        color: palette.blue,
        thickness: 1.5,
      },
      showlegend: false,
      hovertemplate: "%{y}: %{x}<extra></extra>",
    };
  });
  return makeFigure(
    {
      title: "Estimators against the enumerated optimum",
      subtitle: `n = ${whole(scores[0]?.seeds ?? 0)} problems; 95 % intervals; noise: variance over squared mean at half-open gates`,
      data,
      layout: {
        height: 160 + 32 * scores.length,
        yaxis: { type: "category", autorange: "reversed", title: { text: "" } },
        ...layout,
      },
      table: {
        columns: [
          "estimator",
          "step_size",
          "found",
          "low",
          "high",
          "gap",
          "gap_low",
          "gap_high",
          "noise",
          "steps",
          "steps_low",
          "steps_high",
        ],
        rows: scores.map(({ estimator, stepSize, hitRate, gap, noise, steps }) => [
          estimator,
          stepSize,
          hitRate.value,
          hitRate.low,
          hitRate.high,
          gap.value,
          gap.low,
          gap.high,
          noise.value,
          steps?.value ?? null,
          steps?.low ?? null,
          steps?.high ?? null,
        ]),
      },
    },
    options,
  );
}
