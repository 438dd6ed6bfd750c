import { type Figure, lineKey, makeFigure, type PlotlyObject } from "../lib/plot/figure.js";
import { palette } from "../lib/plot/style.js";
import type { Machine, Panel, Point } from "./scaling.js";

interface PanelText {
  readonly title: string;
  readonly axis: string;
  readonly tick: (size: number) => string;
}

const panelTexts: Readonly<Record<Panel, PanelText>> = {
  gates: {
    title: "Search, MLP n-n-10, batch 64",
    axis: "weight gates",
    tick: (size) => `10<sup>${Math.log10(size)}</sup>`,
  },
  batch: { title: "Search, MLP 784-300-100", axis: "examples a batch", tick: String },
  depth: { title: "Search, MLP with layers of 128, batch 64", axis: "hidden layers", tick: String },
  density: {
    title: "Training, CNN 32-32-64-64 compacted, batch 64",
    axis: "units left",
    tick: (size) => `${100 * size} %`,
  },
};

const roofline = ({ arithmeticMs, memoryMs }: Point): number => Math.max(arithmeticMs, memoryMs);

/** Powers of ten as ticks, with 2 and 5 between them where there would be fewer than three. */
function timeAxis(times: readonly number[]): PlotlyObject {
  const [low, high] = [Math.min(...times) / 1.6, Math.max(...times) * 2];
  const within = (digits: readonly number[]): number[] =>
    [-4, -3, -2, -1, 0, 1, 2, 3, 4]
      .flatMap((power) => digits.map((digit) => Number(`${digit}e${power}`)))
      .filter((tick) => tick >= low && tick <= high);
  const tens = within([1]);
  const tickvals = tens.length < 3 ? within([1, 2, 5]) : tens;
  return {
    type: "log",
    range: [Math.log10(low), Math.log10(high)],
    tickvals,
    ticktext: tickvals.map((tick) => tick.toLocaleString("en")),
  };
}

/**
 * A panel for each thing that is varied: the measured step with its interval and how many times the roofline it takes, and the
 * roofline as a line.
 */
export function scalingFigure(machine: Machine, points: readonly Point[]): Figure {
  const data: PlotlyObject[] = [];
  const axes: Record<string, unknown> = {};
  const annotations: PlotlyObject[] = [];
  (Object.keys(panelTexts) as Panel[]).forEach((panel, p) => {
    const own = points.filter((point) => point.panel === panel).sort((a, b) => a.size - b.size);
    const { title, axis, tick } = panelTexts[panel];
    const suffix = p === 0 ? "" : String(p + 1);
    const x = own.map((point) => point.size);
    data.push(
      {
        type: "scatter",
        mode: "lines",
        x,
        y: own.map(roofline),
        xaxis: `x${suffix}`,
        yaxis: `y${suffix}`,
        line: { color: palette.orange, width: 2 },
      },
      {
        type: "scatter",
        mode: "lines+markers",
        x,
        y: own.map((point) => point.ms),
        xaxis: `x${suffix}`,
        yaxis: `y${suffix}`,
        error_y: {
          type: "data",
          symmetric: false,
          array: own.map((point) => point.high - point.ms),
          arrayminus: own.map((point) => point.ms - point.low),
          color: palette.blue,
          thickness: 1.5,
          width: 0,
        },
        line: { color: palette.blue, width: 1.2 },
        marker: { color: palette.blue, size: 7 },
      },
      {
        type: "scatter",
        // Above the interval, which would cross it; as far from the point as if it were the point's own.
        mode: "markers+text",
        marker: { opacity: 0, size: 7 },
        x,
        y: own.map((point) => point.high),
        xaxis: `x${suffix}`,
        yaxis: `y${suffix}`,
        text: own.map((point) => `${Number((point.ms / roofline(point)).toPrecision(2)).toLocaleString("en")}×`),
        textposition: "top center",
        textfont: { size: 11 },
        cliponaxis: false,
      },
    );
    const [left, bottom] = [p % 2 === 0 ? 0 : 0.55, p < 2 ? 0.59 : 0];
    const [first, last] = [Math.log10(x[0]), Math.log10(x[x.length - 1])];
    const pad = 0.08 * (last - first);
    axes[`xaxis${suffix}`] = {
      type: "log",
      anchor: `y${suffix}`,
      domain: [left, left + 0.45],
      range: [first - pad, last + pad],
      tickvals: x,
      ticktext: x.map(tick),
      title: { text: axis },
    };
    axes[`yaxis${suffix}`] = {
      ...timeAxis(own.flatMap((point) => [roofline(point), point.low, point.high])),
      anchor: `x${suffix}`,
      domain: [bottom, bottom + 0.41],
      title: { text: "ms a step" },
      // Lines would cross the numbers at the points.
      showgrid: false,
      showline: true,
      ticks: "outside",
    };
    annotations.push({
      text: `<b>${title}</b>`,
      x: left,
      xanchor: "left",
      xref: "paper",
      y: bottom + 0.41,
      yref: "paper",
      yanchor: "bottom",
    });
  });
  const key = [
    `${lineKey(palette.blue)} measured, with how many times the roofline it takes`,
    `${lineKey(palette.orange)} roofline: what direct products or memory take at least`,
  ];
  annotations.push({
    text: key.join("&nbsp;&nbsp;&nbsp;&nbsp;"),
    x: 0,
    xanchor: "left",
    xref: "paper",
    y: 1.065,
    yref: "paper",
    yanchor: "bottom",
  });
  const { clock, threads } = machine;
  const rounds = points.map((point) => point.rounds);
  const [fewest, most] = [Math.min(...rounds), Math.max(...rounds)];
  const columns = ["size", "gates", "parameters", "multiplyAdds", "batch", "rounds", "ms", "low", "high"] as const;
  return makeFigure({
    title: "Time of a step, beside the machine's roofline",
    subtitle:
      `median and 10th to 90th percentile of ${fewest < most ? `${fewest} to ` : ""}${most} rounds; ` +
      `${threads} thread${threads === 1 ? "" : "s"}, ${clock === "cpu" ? "processor time" : "wall clock"}; ` +
      `${machine.gigaflops.toFixed(0)} GFLOP/s, ${machine.gigabytes.toFixed(1)} GB/s`,
    data,
    layout: { height: 720, margin: { t: 128 }, showlegend: false, ...axes, annotations },
    table: {
      columns: ["panel", ...columns, "arithmetic ms", "memory ms"],
      rows: points.map((point) => [
        point.panel,
        ...columns.map((column) => point[column]),
        point.arithmeticMs,
        point.memoryMs,
      ]),
    },
  });
}
