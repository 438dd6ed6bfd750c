import type { EffectRow } from "../transfer/index.js";
import { escapeText, type Figure, type FigureOptions, makeFigure } from "./figure.js";
import { round } from "./numbers.js";
import { readable } from "./style.js";
import { armLabel, effectsOf, effectTable, points, pointsBetween, sampleSizes, type WithEffects } from "./transfer.js";

/**
 * The learned architectures' lead over one control for every source (rows) and target (columns), with 95 % intervals: blue is a
 * lead, orange a loss, bold leaves zero out.
 *
 * @param result - a transfer result, or rows of effects, of one control, density and number of shots
 * @returns a figure; its table is that of `effects.csv`, effects in points of accuracy
 * @example
 * ```ts
 * await tt.show(tt.figures.effectMatrix(rows.filter(({ control }) => control === "random-varying")));
 * ```
 */
export function effectMatrix(result: WithEffects, options: FigureOptions = {}): Figure {
  const effects = effectsOf(result);
  const sources = [...new Set(effects.map(({ source }) => source))];
  const targets = [...new Set(effects.map(({ target }) => target))];
  const at = (source: string, target: string): EffectRow | undefined =>
    effects.find((row) => row.source === source && row.target === target);
  const cells = sources.map((source) => targets.map((target) => at(source, target)));
  const end = round(Math.max(1, ...effects.map(({ effect }) => Math.abs(effect))) / readable);
  const text = (row: EffectRow | undefined): string => {
    if (!row) return "";
    const lead = row.low > 0 || row.high < 0 ? `<b>${points(row.effect)}</b>` : points(row.effect);
    return `${lead}<br>${pointsBetween(row)}`;
  };
  const [first] = effects;
  return makeFigure(
    {
      title: first
        ? `Learned minus ${armLabel(first.control)}, every source with every target`
        : "Learned minus control",
      subtitle: `points of test accuracy with 95 % intervals, ${first?.shots ?? 0} shots; ${sampleSizes(effects)}; bold: the interval leaves 0 out`,
      data: [
        {
          type: "heatmap",
          x: targets.map(escapeText),
          y: sources.map(escapeText),
          z: cells.map((line) => line.map((row) => (row ? round(row.effect) : null))),
          zmin: -end,
          zmax: end,
          xgap: 2,
          ygap: 2,
          text: cells.map((line) => line.map(text)),
          texttemplate: "%{text}",
          textfont: { size: 11 },
          showscale: false,
          hovertemplate: "%{y} to %{x}: %{z:+.1f}<extra></extra>",
        },
      ],
      layout: {
        height: 150 + 62 * sources.length,
        margin: { t: 84 },
        xaxis: { type: "category", showline: false, ticks: "", title: { text: "used on" } },
        yaxis: {
          type: "category",
          showgrid: false,
          showline: false,
          ticks: "",
          autorange: "reversed",
          title: { text: "learned on" },
        },
      },
      table: effectTable(effects),
    },
    options,
  );
}
