import { escapeText, type Figure, type FigureOptions, makeFigure, type PlotlyObject } from "./figure.js";
import { round } from "./numbers.js";
import { armStyle } from "./style.js";
import { armLabel, effectsOf, effectTable, pairLabel, sampleSizes, type WithEffects } from "./transfer.js";

/**
 * How the learned architectures' lead over each control changes with the fraction of gates kept: a panel a number of shots,
 * a line a control, with 95 % intervals. Above zero the learned architectures win.
 *
 * @param result - a transfer result, or rows of effects, of one source and target, at two or more densities
 * @returns a figure; its table is that of `effects.csv`, effects in points of accuracy
 * @example
 * ```ts
 * await tt.show(tt.figures.effectsByDensity(rows));
 * ```
 */
export function effectsByDensity(result: WithEffects, options: FigureOptions = {}): Figure {
  const effects = effectsOf(result);
  const distinct = (values: readonly number[]): number[] => [...new Set(values)].sort((a, b) => a - b);
  const shots = distinct(effects.map((row) => row.shots));
  const densities = distinct(effects.map((row) => row.density));
  const controls = [...new Set(effects.map((row) => row.control))];
  const finite = effects.flatMap((row) => [row.low, row.high, row.effect]).filter(Number.isFinite);
  const low = Math.min(0, ...finite);
  const high = Math.max(0, ...finite);
  const pad = 0.04 * (high - low || 1);
  const gap = 0.03;
  const panel = (1 - gap * (shots.length - 1)) / Math.max(1, shots.length);
  const spread = Math.min(0.6, 0.018 * controls.length * densities.length);
  const data: PlotlyObject[] = [];
  const layout: Record<string, unknown> = {};
  const annotations: PlotlyObject[] = [];
  shots.forEach((count, s) => {
    const suffix = s === 0 ? "" : String(s + 1);
    controls.forEach((control, c) => {
      const rows = effects
        .filter((row) => row.control === control && row.shots === count)
        .sort((a, b) => a.density - b.density);
      const { color, symbol, dash } = armStyle(control);
      // Side by side, so that intervals don't cover each other.
      const aside = (spread * (c - (controls.length - 1) / 2)) / controls.length;
      data.push({
        type: "scatter",
        mode: "lines+markers",
        name: escapeText(armLabel(control)),
        legendgroup: control,
        showlegend: s === 0,
        x: rows.map((row) => round(densities.indexOf(row.density) + aside)),
        y: rows.map((row) => round(row.effect)),
        xaxis: `x${suffix}`,
        error_y: {
          type: "data",
          symmetric: false,
          array: rows.map((row) => round(Math.min(row.high, high) - row.effect)),
          arrayminus: rows.map((row) => round(row.effect - Math.max(row.low, low))),
          color,
          thickness: 1.5,
          width: 0,
        },
        line: { color, dash, width: 1.2 },
        marker: { color, symbol, size: 7 },
        customdata: rows.map((row) => [round(100 * row.density, 3), round(row.low), round(row.high)]),
        hovertemplate: "%{customdata[0]} % kept: %{y:+.1f} [%{customdata[1]:+.1f}, %{customdata[2]:+.1f}]",
      });
    });
    const start = s * (panel + gap);
    layout[`xaxis${suffix}`] = {
      anchor: "y",
      domain: [round(start), round(start + panel)],
      range: [-0.5, densities.length - 0.5],
      tickvals: densities.map((_, i) => i),
      ticktext: densities.map((density) => `${round(100 * density, 2)} %`),
      title: { text: s === Math.floor((shots.length - 1) / 2) ? "gates kept" : "" },
    };
    annotations.push({
      text: `<b>${count === 1 ? "1 shot" : `${count} shots`}</b>`,
      x: round(start + panel / 2),
      xanchor: "center",
      xref: "paper",
      y: 1,
      yref: "paper",
      yanchor: "bottom",
    });
  });
  const [first] = effects;
  return makeFigure(
    {
      title: first ? `Learned minus controls by density, ${pairLabel(first)}` : "Learned minus controls",
      subtitle: `means with 95 % intervals; ${sampleSizes(effects)}`,
      data,
      layout: {
        height: 440 + 18 * Math.ceil(controls.length / 4),
        margin: { t: 92 },
        legend: { orientation: "h", x: 0, xanchor: "left", y: -0.2, yanchor: "top" },
        ...layout,
        yaxis: {
          title: { text: "learned minus control, points" },
          range: [round(low - pad), round(high + pad)],
          zeroline: true,
        },
        annotations,
      },
      table: effectTable(effects),
    },
    options,
  );
}
