import { Divergence } from "../../theory/index.js";
import { type Figure, type FigureOptions, makeFigure } from "../figure.js";
import { round } from "../numbers.js";
import { groupColors } from "../style.js";

/**
 * How far a vertex is from a half-open gate, `V0 / (tc th)`, as the box grows, for several ratios of the temperatures: finite
 * for two temperatures, infinite for one.
 *
 * @param ratios - `tc / th`
 * @returns a figure; its table has one row a ratio and box
 * @example
 * ```ts
 * await tt.show(tt.figures.vertexDistance());
 * ```
 * Source: "Theorem 1" in this project's method notes (docs/theory.md).
 */
export function vertexDistance(
  ratios: readonly number[] = [0.05, 0.2, 0.5, 0.8, 1],
  options: FigureOptions = {},
): Figure {
  const boxes = Array.from({ length: 40 }, (_, k) => round(0.25 * (k + 1), 4));
  const colors = groupColors(ratios.length);
  const values = ratios.map((ratio) =>
    boxes.map((radius) => round(new Divergence(ratio, 1, radius).between(0, radius) / ratio, 5)),
  );
  return makeFigure(
    {
      title: "The distance to a vertex",
      subtitle: "from a half-open gate, in units of tc th; dotted: 4 ln 2, the limit for very different temperatures",
      data: ratios.map((ratio, k) => ({
        type: "scatter",
        mode: "lines",
        name: ratio === 1 ? "one temperature" : `tc / th = ${ratio}`,
        x: boxes,
        y: values[k],
        line: { color: colors[k], width: 2.5, dash: ratio === 1 ? "dash" : "solid" },
        hovertemplate: "box %{x}: %{y}<extra></extra>",
      })),
      layout: {
        height: 380,
        xaxis: { title: { text: "box R / th" } },
        yaxis: { title: { text: "V0 / (tc th)" }, rangemode: "tozero" },
        annotations: [{ text: "4 ln 2", x: boxes.at(-1), xanchor: "right", y: 4 * Math.LN2, yanchor: "top" }],
        shapes: [
          { type: "line", xref: "paper", x0: 0, x1: 1, y0: 4 * Math.LN2, y1: 4 * Math.LN2, line: { dash: "dot" } },
        ],
      },
      table: {
        columns: ["ratio", "box", "distance"],
        rows: ratios.flatMap((ratio, k) => boxes.map((radius, b) => [ratio, radius, values[k][b]])),
      },
    },
    options,
  );
}
