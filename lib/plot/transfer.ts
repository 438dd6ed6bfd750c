import { baselines } from "../baselines/index.js";
import type { EffectRow, SummaryRow } from "../transfer/index.js";
import { effectColumns } from "../transfer/result.js";
import { escapeText, lineKey, makeFigure, type Figure, type FigureOptions, type PlotlyObject } from "./figure.js";
import { round } from "./numbers.js";
import { armStyle } from "./style.js";

/**
 * Test accuracy of every arm by number of shots, with 95 % intervals.
 *
 * Arms of one number of shots stand side by side, so that intervals don't cover each other; the names at the right stand
 * in the order of accuracy.
 *
 * @param result - a transfer result, or the rows of its summary
 * @returns a figure; its table has one row a mean, accuracies in per cent
 * @example
 * ```ts
 * await tt.show(tt.figures.transfer(result));
 * ```
 */
export function transfer(
  result: { summary(): readonly SummaryRow[] } | readonly SummaryRow[],
  options: FigureOptions = {},
): Figure {
  const means = "summary" in result ? result.summary() : result;
  const shots = [...new Set(means.map((row) => row.shots))].sort((a, b) => a - b);
  const arms = [...new Set(means.map((row) => row.arm))];
  const lastRow = (arm: string): SummaryRow =>
    means.filter((row) => row.arm === arm).reduce((best, row) => (row.shots >= best.shots ? row : best));
  arms.sort((a, b) => lastRow(b).accuracy - lastRow(a).accuracy);
  const offset = (arm: string): number =>
    (0.6 * (arms.indexOf(arm) - (arms.length - 1) / 2)) / Math.max(1, arms.length);
  // Learned is drawn last, on top of the others.
  const drawn = [...arms].sort((a, b) => Number(a === "learned") - Number(b === "learned"));
  const data: PlotlyObject[] = drawn.map((arm) => {
    const rows = means.filter((row) => row.arm === arm).sort((a, b) => a.shots - b.shots);
    const { color, symbol, dash } = armStyle(arm);
    return {
      type: "scatter",
      mode: "lines+markers",
      name: escapeText(rows[0].label),
      x: rows.map((row) => round(shots.indexOf(row.shots) + offset(arm))),
      y: rows.map((row) => round(row.accuracy)),
      error_y: {
        type: "data",
        symmetric: false,
        array: rows.map((row) => finite(row.high - row.accuracy)),
        arrayminus: rows.map((row) => finite(row.accuracy - row.low)),
        color,
        thickness: 1.5,
        width: 0,
      },
      line: { color, dash, width: arm === "learned" ? 3 : 1.2 },
      marker: { color, symbol, size: arm === "learned" ? 10 : 7 },
      customdata: rows.map((row) => [row.shots, finite(row.low), finite(row.high), row.searches, row.retrainings]),
      hovertemplate:
        `%{customdata[0]} shots: %{y:.1f} %${rows.some(hasInterval) ? " [%{customdata[1]:.1f}, %{customdata[2]:.1f}]" : ""}, ` +
        "n = %{customdata[3]} x %{customdata[4]}<extra>%{fullData.name}</extra>",
    };
  });
  const values = means.flatMap((row) => [row.low, row.high, row.accuracy]).filter(Number.isFinite);
  const low = Math.max(0, Math.min(...values) - 2);
  const high = Math.min(100, Math.max(...values) + 2);
  const height = Math.max(420, 140 + 20 * arms.length);
  return makeFigure(
    {
      title: "Test accuracy by shots",
      subtitle: `${intervals(means)}; learned: ${sampleSizes(means.filter((row) => row.arm === "learned"))}`,
      data,
      layout: {
        height,
        showlegend: false,
        margin: { r: labelRoom(arms.map((arm) => lastRow(arm).label)) },
        xaxis: {
          title: { text: "labelled examples a class (shots)" },
          tickvals: shots.map((_, i) => i),
          ticktext: shots.map(String),
          range: [-0.5, shots.length - 0.5],
        },
        yaxis: { title: { text: "test accuracy on the target" }, ticksuffix: " %", range: [round(low), round(high)] },
        annotations: armLabels(arms.map(lastRow), low, high, height - 124),
      },
      table: {
        columns: ["arm", "shots", "accuracy", "low", "high", "searches", "retrainings"],
        rows: arms.flatMap((arm) =>
          means
            .filter((row) => row.arm === arm)
            .map((row) => [arm, row.shots, row.accuracy, row.low, row.high, row.searches, row.retrainings]),
        ),
      },
    },
    options,
  );
}

/** Pixels for the longest label and its number, at 12 pixels a line of text. */
function labelRoom(labels: readonly string[]): number {
  return 24 + Math.ceil(6.2 * Math.max(0, ...labels.map((label) => label.length + 11)));
}

/** The arms' names at the right, at their last means where there is room. */
function armLabels(rows: readonly SummaryRow[], low: number, high: number, pixels: number): PlotlyObject[] {
  const gap = (17 / pixels) * (high - low);
  const at = rows.map((row) => row.accuracy);
  // From the top down, then back up where the lowest would leave the axis.
  for (let i = 1; i < at.length; i++) at[i] = Math.min(at[i], at[i - 1] - gap);
  if (at.length > 0) at[at.length - 1] = Math.max(at[at.length - 1], low);
  for (let i = at.length - 2; i >= 0; i--) at[i] = Math.max(at[i], at[i + 1] + gap);
  return rows.map(({ arm, label, accuracy }, i) => {
    const text = `${escapeText(label)} ${accuracy.toFixed(1)} %`;
    return {
      text: `${lineKey(armStyle(arm).color)} ${arm === "learned" ? `<b>${text}</b>` : text}`,
      x: 1.02,
      xref: "paper",
      xanchor: "left",
      y: round(at[i]),
      yref: "y",
    };
  });
}

/**
 * How much better the learned architectures are than each control: a forest plot, one row a control, one panel a number of
 * shots.
 *
 * A filled marker stands where the 95 % interval leaves zero out; right of zero the learned architectures win.
 *
 * @param result - a transfer result, or the rows of its effects, of one source, target and density
 * @returns a figure; its table is that of `effects.csv`, effects in points of accuracy
 * @example
 * ```ts
 * await tt.show(tt.figures.effects(result));
 * ```
 */
export function effects(result: WithEffects, options: FigureOptions = {}): Figure {
  const effects = effectsOf(result);
  const shots = [...new Set(effects.map((row) => row.shots))].sort((a, b) => a - b);
  const controls = [...new Set(effects.map((row) => row.control))];
  const finite = effects.flatMap((row) => [row.low, row.high, row.effect]).filter(Number.isFinite);
  const low = Math.min(0, ...finite);
  const high = Math.max(0, ...finite);
  const pad = 0.06 * (high - low || 1);
  const gap = 0.03;
  const panel = (1 - gap * (shots.length - 1)) / Math.max(1, shots.length);
  const data: PlotlyObject[] = [];
  const layout: Record<string, unknown> = {};
  const annotations: PlotlyObject[] = [];
  const shapes: PlotlyObject[] = [];
  shots.forEach((count, s) => {
    const suffix = s === 0 ? "" : String(s + 1);
    const rows = effects.filter((row) => row.shots === count);
    const colors = rows.map((row) => armStyle(row.control).color);
    data.push({
      type: "scatter",
      mode: "markers+text",
      x: rows.map((row) => round(row.effect)),
      y: rows.map((row) => controls.indexOf(row.control)),
      xaxis: `x${suffix}`,
      yaxis: "y",
      marker: {
        color: colors,
        size: 9,
        symbol: rows.map((row) => armStyle(row.control).symbol + (row.low > 0 || row.high < 0 ? "" : "-open")),
        line: { width: 1.5, color: colors },
      },
      text: rows.map((row) => points(row.effect)),
      textposition: "top center",
      textfont: { size: 11 },
      customdata: rows.map((row) => `${points(row.effect)} ${pointsBetween(row)}`),
      hovertemplate: "%{customdata}<extra></extra>",
      cliponaxis: false,
    });
    for (const row of rows.filter(hasInterval)) {
      shapes.push({
        type: "line",
        layer: "between",
        xref: `x${suffix}`,
        yref: "y",
        x0: round(Math.max(row.low, low - pad)),
        x1: round(Math.min(row.high, high + pad)),
        y0: controls.indexOf(row.control),
        y1: controls.indexOf(row.control),
        line: { color: armStyle(row.control).color, width: 2 },
      });
    }
    const start = s * (panel + gap);
    layout[`xaxis${suffix}`] = {
      anchor: "y",
      domain: [round(start), round(start + panel)],
      range: [round(low - pad), round(high + pad)],
      showgrid: true,
      zeroline: true,
      nticks: 6,
      title: { text: s === Math.floor((shots.length - 1) / 2) ? "learned minus control, points of test accuracy" : "" },
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
      title: first ? `Learned minus controls, ${pairLabel(first)}` : "Learned minus controls",
      subtitle: `${intervals(effects)}; ${sampleSizes(effects)}; filled: the interval leaves 0 out`,
      data,
      layout: {
        height: Math.max(260, 160 + 36 * controls.length),
        showlegend: false,
        margin: { t: 92 },
        ...layout,
        yaxis: {
          tickvals: controls.map((_, i) => i),
          ticktext: controls.map((control) => escapeText(armLabel(control))),
          range: [controls.length - 0.4, -0.6],
          showgrid: false,
        },
        shapes,
        annotations,
      },
      table: effectTable(effects),
    },
    options,
  );
}

/** What has effects, or their rows. */
export type WithEffects = { effects(): readonly EffectRow[] } | readonly EffectRow[];

/** The rows of effects of a transfer result, or those that are given. */
export function effectsOf(result: WithEffects): readonly EffectRow[] {
  return "effects" in result ? result.effects() : result;
}

/** Effects as the table that every `effects.csv` has. */
export function effectTable(effects: readonly EffectRow[]): Figure["table"] {
  return { columns: effectColumns, rows: effects.map((row) => effectColumns.map((column) => row[column])) };
}

/** Source and target for a title; long lists of classes are cut down to the first and the last. */
export function pairLabel({ source, target }: Pick<EffectRow, "source" | "target">): string {
  const short = (name: string): string => name.replace(/:([^,]+)(?:,[^,]+){2,},([^,]+)$/, ":$1…$2");
  return `${short(source)} to ${short(target)}`;
}

/** An arm's name as readers know it; `strategy fixed, variant tc0.3-th1` of an experiment is `learned, fixed, tc 0.3, th 1`. */
export function armLabel(arm: string): string {
  if (!/^(variant|strategy|space) /.test(arm)) return baselines[arm]?.label ?? arm;
  const ways = arm.replaceAll(/(^|, )(variant|strategy|space) /g, "$1");
  return `learned, ${ways.replaceAll(/(\d)-/g, "$1, ").replaceAll(/([a-z])(\d)/g, "$1 $2")}`;
}

/** `n = 5 searches x 5 retrainings`, or the range where rows differ. */
export function sampleSizes(rows: readonly { searches: number; retrainings: number }[]): string {
  const range = (values: readonly number[], what: string): string => {
    const low = Math.min(...values);
    const high = Math.max(...values);
    return `${low === high ? low : `${low} to ${high}`} ${what}`;
  };
  if (rows.length === 0) return "no rows";
  return `n = ${range(
    rows.map((row) => row.searches),
    "searches",
  )} × ${range(
    rows.map((row) => row.retrainings),
    "retrainings",
  )}`;
}

type Interval = { readonly low: number; readonly high: number };

/** Whether an interval is known: it is the whole line where nothing is repeated or differs. */
const hasInterval = ({ low, high }: Interval): boolean => Number.isFinite(low) && Number.isFinite(high);

/** Nothing where there is no number, as Plotly and JSON have no infinity. */
const finite = (value: number): number | null => (Number.isFinite(value) ? round(value) : null);

/** What is drawn with the means, for a subtitle. */
function intervals(rows: readonly (Interval & { searches: number; retrainings: number })[]): string {
  if (rows.length === 0 || rows.some(hasInterval)) return "means with 95 % intervals";
  const single = rows.every(({ searches, retrainings }) => searches === 1 && retrainings === 1);
  return `means, no intervals: nothing ${single ? "was repeated" : "differs"}`;
}

/** An interval in points. */
export function pointsBetween(interval: Interval): string {
  return hasInterval(interval) ? `[${points(interval.low)}, ${points(interval.high)}]` : "(no interval)";
}

/** A difference in points, with its sign where it isn't 0.0. */
export function points(value: number): string {
  const size = Math.abs(value).toFixed(1);
  return size === "0.0" ? size : `${value > 0 ? "+" : "−"}${size}`;
}
