import { TwotempError } from "../errors.js";
import { escapeText, type Figure, type FigureOptions, makeFigure, type PlotlyObject } from "./figure.js";
import { fractionBar, imageAxes } from "./gateImage.js";
import { round } from "./numbers.js";

/** A row of an experiment's table of gates. */
export interface KeptGate {
  readonly source: string;
  readonly space?: string;
  readonly strategy?: string;
  readonly variant?: string;
  /** Density that was asked for. */
  readonly asked?: number | null;
  readonly group: string;
  /** An operation's name, or a number. */
  readonly gate: string | number;
  /** The pixel that an input's gate lies on. */
  readonly row: number | null;
  readonly column: number | null;
  /** Fraction of the searches that keep it. */
  readonly kept: number;
  readonly searches: number;
}

/** What settings may differ in, in the order in which their titles name it. */
const ways = ["source", "space", "strategy", "variant"] as const;
const perRow = 5;

/**
 * What searches keep, setting by setting: images of the inputs, or the operations of each stage.
 *
 * @param rows - of one density
 * @returns a figure; its table has one row a gate and setting
 * @throws TwotempError `plot/gates` without rows
 * @example
 * ```ts
 * await tt.show(tt.figures.keptBySource(await tt.readTable<tt.KeptGate>(tt.tablePath("e5", "gates"))));
 * ```
 */
export function keptBySource(rows: readonly KeptGate[], options: FigureOptions = {}): Figure {
  if (rows.length === 0) throw new TwotempError("plot/gates", "there are no gates to draw");
  const differing = ways.filter((way) => new Set(rows.map((row) => row[way])).size > 1);
  const label = (row: KeptGate): string => differing.map((way) => row[way]).join(", ") || row.source;
  const settings = new Map<string, KeptGate[]>();
  for (const row of rows) settings.set(label(row), [...(settings.get(label(row)) ?? []), row]);
  const pictures = rows.every(({ row, column }) => row !== null && column !== null);
  const searches = [...new Set(rows.map((row) => row.searches))].sort((a, b) => a - b);
  const drawn = pictures ? images(settings) : operations(settings);
  return makeFigure(
    {
      title: pictures ? "Inputs that searches keep" : "Operations that searches keep",
      subtitle: `fraction of n = ${searches.join(" to ")} searches`,
      ...drawn,
      table: {
        columns: ["setting", "group", "gate", "kept"],
        rows: rows.map((row) => [label(row), row.group, row.gate, row.kept]),
      },
    },
    options,
  );
}

/**
 * The figures of an experiment's table of gates: one a density, where gates are inputs of pictures that several
 * settings keep, or operations.
 *
 * @param name - of the experiment, the first part of the figures' names
 * @returns figures by name
 */
export function gateFigures(name: string, rows: readonly KeptGate[]): Record<string, Figure> {
  const figures: Record<string, Figure> = {};
  const drawable = rows.filter(({ row, gate }) => row !== null || typeof gate === "string");
  const densities = [...new Set(drawable.map(({ asked }) => asked ?? null))];
  for (const asked of densities) {
    const own = drawable.filter((row) => (row.asked ?? null) === asked);
    const alone = ways.every((way) => new Set(own.map((row) => row[way])).size === 1);
    // One image has nothing beside it; one list of operations says which they are.
    if (alone && own[0].row !== null) continue;
    const at = asked === null || densities.length === 1 ? "" : `-${Number((100 * asked).toFixed(1))}-percent`;
    figures[`${name}-gates${at}`] = keptBySource(own);
  }
  return figures;
}

const bar = fractionBar("searches");
const scale = { zmin: 0, zmax: 1 };

function images(settings: ReadonlyMap<string, readonly KeptGate[]>): { data: PlotlyObject[]; layout: PlotlyObject } {
  const data: PlotlyObject[] = [];
  const annotations: PlotlyObject[] = [];
  let layout: PlotlyObject = {};
  const columns = Math.min(perRow, settings.size);
  const lines = Math.ceil(settings.size / columns);
  [...settings].forEach(([name, gates], i) => {
    const [line, place] = [Math.floor(i / columns), i % columns];
    const height = 1 + Math.max(...gates.map(({ row }) => row!));
    const width = 1 + Math.max(...gates.map(({ column }) => column!));
    const z = Array.from({ length: height }, () => new Array<number>(width).fill(0));
    const channels = gates.length / (height * width);
    for (const { row, column, kept } of gates) z[row!][column!] += round(kept / channels, 3);
    const suffix = i === 0 ? "" : String(i + 1);
    data.push({
      type: "heatmap",
      z,
      ...scale,
      xaxis: `x${suffix}`,
      yaxis: `y${suffix}`,
      showscale: i === 0,
      colorbar: bar,
      hovertemplate: "row %{y}, column %{x}: %{z:.0%}<extra></extra>",
    });
    const x = [place / columns, (place + 0.94) / columns].map((at) => round(at));
    const y = [1 - (line + 0.8) / lines, 1 - line / lines].map((at) => round(at));
    layout = { ...layout, ...imageAxes(i, x, y) };
    annotations.push({
      text: escapeText(name).replaceAll(", ", "<br>"),
      x: 0.5,
      xref: `x${suffix} domain`,
      y: 0,
      yref: `y${suffix} domain`,
      yanchor: "top",
    });
  });
  return {
    data,
    layout: { height: 108 + (600 / columns + 44) * lines, margin: { l: 16, t: 84, b: 24 }, ...layout, annotations },
  };
}

function operations(settings: ReadonlyMap<string, readonly KeptGate[]>): {
  data: PlotlyObject[];
  layout: PlotlyObject;
} {
  const [first] = settings.values();
  const key = ({ group, gate }: KeptGate): string => `${group} ${gate}`;
  const names = first.map(key);
  const z = names.map((name) =>
    [...settings.values()].map((gates) => {
      const found = gates.find((gate) => key(gate) === name);
      return found ? round(found.kept, 3) : null;
    }),
  );
  const begins = first.flatMap(({ group }, i) => (i > 0 && group !== first[i - 1].group ? [i - 0.5] : []));
  return {
    data: [
      {
        type: "heatmap",
        x: [...settings.keys()].map(escapeText),
        y: names.map((_, i) => i),
        z,
        ...scale,
        xgap: 2,
        ygap: 1,
        colorbar: bar,
        hovertemplate: "%{x}: kept by %{z:.0%}<extra></extra>",
      },
    ],
    layout: {
      height: 150 + 17 * names.length,
      margin: { t: 84 },
      xaxis: { type: "category", side: "top", showline: false, ticks: "" },
      yaxis: {
        tickvals: names.map((_, i) => i),
        ticktext: first.map(
          ({ group, gate }) => `<b>${escapeText(group.replaceAll("_", " "))}</b> ${escapeText(String(gate))}`,
        ),
        range: [names.length - 0.5, -0.5],
        showgrid: false,
        showline: false,
        ticks: "",
      },
      shapes: begins.map((y) => ({ type: "line", xref: "paper", x0: 0, x1: 1, y0: y, y1: y, line: { width: 1 } })),
    },
  };
}
