import { makeFigure, type Figure, type FigureOptions } from "./figure.js";
import { decimate, percent, round, whole } from "./numbers.js";
import { type Traced, traceOf } from "./searchCurves.js";

/**
 * How the gates' values spread over a search: one column a recorded step, one row a bin of [0, 1].
 *
 * Colour is the fraction of all gates in a bin, on a square-root scale so that a few undecided gates are seen. A search
 * that has decided has all its gates in the top and the bottom row.
 *
 * @param search - a search, finished or under way, or its trace
 * @returns a figure; its table has one row a recorded step and one column a bin
 * @example
 * ```ts
 * await tt.show(tt.figures.gateHistogram(search.trace));
 * ```
 */
export function gateHistogram(search: Traced, options: FigureOptions = {}): Figure {
  const trace = traceOf(search);
  const entries = decimate(trace.entries.length, 200).map((i) => trace.entries[i]);
  const gates = trace.groups.reduce((sum, group) => sum + group.size, 0);
  const bins = entries[0]?.histogram.length ?? 0;
  const centre = (bin: number): number => round((bin + 0.5) / bins);
  const z = Array.from({ length: bins }, (_, bin) =>
    entries.map((entry) => round(Math.sqrt(entry.histogram[bin] / gates), 4)),
  );
  const last = trace.entries.at(-1)?.histogram;
  const decided = last ? (last[0] + last[bins - 1]) / gates : 0;
  return makeFigure(
    {
      title: "Gates over the search",
      subtitle: `${whole(gates)} gates; at step ${trace.entries.at(-1)?.step ?? 0}, ${percent(decided)} lie within ${percent(1 / (bins || 1))} of closed or open`,
      data: [
        {
          type: "heatmap",
          x: entries.map((entry) => entry.step),
          y: Array.from({ length: bins }, (_, bin) => centre(bin)),
          z,
          zmin: 0,
          zmax: 1,
          colorbar: {
            title: { text: "gates", side: "right" },
            tickvals: [0, 0.1, 0.01, 0.25, 0.5, 1].map((part) => round(Math.sqrt(part))),
            ticktext: ["0", "10 %", "1 %", "25 %", "50 %", "all"],
          },
          hovertemplate: "step %{x}<br>gate %{y}<br>%{text} of the gates<extra></extra>",
          text: z.map((row) => row.map((root) => percent(root * root))),
        },
      ],
      layout: {
        height: 340,
        xaxis: { title: { text: "step" }, showgrid: false },
        yaxis: {
          title: { text: "gate" },
          range: [0, 1],
          tickvals: [0, 0.5, 1],
          ticktext: ["0 closed", "0.5", "1 open"],
          showgrid: false,
        },
      },
      table: {
        columns: ["step", ...Array.from({ length: bins }, (_, bin) => `gate_${centre(bin)}`)],
        rows: trace.entries.map((entry) => [entry.step, ...entry.histogram]),
      },
    },
    options,
  );
}
