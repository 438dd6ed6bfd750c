import { escapeText, makeFigure, type Figure, type FigureOptions, type PlotlyObject } from "./figure.js";
import { percent, round, whole } from "./numbers.js";
import { palette } from "./style.js";

/** One layer of a network, and what is left of it; see {@link Architecture.network}. */
export interface NetworkLayer {
  readonly name: string;
  readonly className: string;
  readonly inputs: readonly number[];
  readonly units: number;
  readonly unitsKept: number;
  readonly weights: number;
  readonly weightsKept: number;
  readonly present: boolean;
}

/** Pixels from one layer to the next. */
const spacing = 30;

/**
 * A network as a graph, from the input down: what is kept of each layer as a colour, palest where nothing is left.
 *
 * Layers that only pass units on (activations, pooling, normalisation) are drawn as part of the line.
 *
 * @param architecture - an architecture, or what its `network()` gives
 * @returns a figure; its table has one row a layer, those that only pass included
 * @example
 * ```ts
 * await tt.show(tt.figures.network(architecture.network()));
 * ```
 */
export function network(
  architecture: readonly NetworkLayer[] | { network(): readonly NetworkLayer[] },
  options: FigureOptions = {},
): Figure {
  const layers = "network" in architecture ? architecture.network() : architecture;
  const read = new Set(layers.flatMap(({ inputs }) => inputs));
  const readers = layers.map((_, i) => layers.filter(({ inputs }) => inputs.includes(i)).length);
  const isDrawn = ({ className, inputs, weights }: NetworkLayer, i: number): boolean =>
    inputs.length !== 1 ||
    !read.has(i) ||
    readers[inputs[0]] > 1 ||
    (weights > 0 && className !== "BatchNormalization");
  /** For each layer, the drawn one that its output comes from. */
  const source: number[] = [];
  layers.forEach((layer, i) => source.push(isDrawn(layer, i) ? i : source[layer.inputs[0]]));
  const drawn = layers.flatMap((layer, i) => (isDrawn(layer, i) ? [i] : []));
  const inputsOf = (i: number): number[] => [...new Set(layers[i].inputs.map((input) => source[input]))];
  const level = new Map<number, number>();
  for (const i of drawn) level.set(i, 1 + Math.max(-1, ...inputsOf(i).map((input) => level.get(input)!)));
  const column = columns(drawn, level);

  const fraction = ({ units, unitsKept, weights, weightsKept }: NetworkLayer): number =>
    weights > 0 ? weightsKept / weights : unitsKept / Math.max(1, units);
  const edges = drawn.flatMap((to) => inputsOf(to).map((from) => ({ from, to })));
  const line = ({ from, to }: (typeof edges)[number]): PlotlyObject => {
    const [x0, x1] = [column.get(from)!, column.get(to)!];
    const [y0, y1] = [level.get(from)!, level.get(to)!];
    // A line past other layers goes around them.
    const passes = drawn.some((i) => level.get(i)! > y0 && level.get(i)! < y1 && column.get(i) === x0 && x0 === x1);
    const bow = passes ? -0.45 : 0;
    const middle = (y0 + y1) / 2;
    return {
      type: "scatter",
      mode: "lines",
      x: passes ? [x0, x0 + bow, x1] : [x0, x1],
      y: passes ? [y0, middle, y1] : [y0, y1],
      line: {
        color: palette.grey,
        width: 1.5,
        dash: layers[from].present && layers[to].present ? "solid" : "dot",
        shape: "spline",
      },
      hoverinfo: "skip",
      showlegend: false,
    };
  };
  const label = (i: number): string => {
    const { name, units, unitsKept, weights, weightsKept, present } = layers[i];
    if (!present) return `${escapeText(name)}: gone`;
    const count = unitsKept < units ? `${whole(unitsKept)} of ${whole(units)}` : whole(units);
    const ofUnits = `${count} unit${units === 1 ? "" : "s"}`;
    return `${escapeText(name)}: ${ofUnits}${weights > 0 ? `, ${percent(weightsKept / weights)} of weights` : ""}`;
  };
  const right = Math.max(...column.values());
  const besides = (i: number): number[] => drawn.filter((other) => level.get(other) === level.get(i));
  /** Of one or two on a level, the last is described and the other named; of more, those that are left are named. */
  const text = (i: number): string => {
    const all = besides(i);
    const last = column.get(i) === right;
    if (all.length <= 2) return last ? `  ${label(i)}` : `${escapeText(layers[i].name)}  `;
    const names = all
      .filter((other) => layers[other].present)
      .map((other) => escapeText(layers[other].name.split("_").at(-1)!));
    return last ? `  ${names.length} of ${all.length}: ${names.join(", ")}` : "";
  };
  const gone = drawn.filter((i) => !layers[i].present).length;
  const nodes: PlotlyObject = {
    type: "scatter",
    mode: "markers+text",
    x: drawn.map((i) => column.get(i)!),
    y: drawn.map((i) => level.get(i)!),
    text: drawn.map(text),
    textposition: drawn.map((i) => (column.get(i) === right ? "middle right" : "middle left")),
    cliponaxis: false,
    marker: {
      size: 15,
      line: { width: 1.5, color: palette.grey },
      color: drawn.map((i) => (layers[i].present ? round(fraction(layers[i])) : 0)),
      coloraxis: "coloraxis",
    },
    hovertext: drawn.map((i) => `${escapeText(layers[i].className)} ${label(i)}`),
    hovertemplate: "%{hovertext}<extra></extra>",
    showlegend: false,
  };
  const total = layers.reduce((sum, { weights }) => sum + weights, 0);
  const keptWeights = layers.reduce((sum, { weightsKept }) => sum + weightsKept, 0);
  const depth = Math.max(...level.values());
  const axis = { visible: false, showticklabels: false };
  const width = Math.max(...column.values()) - Math.min(...column.values());
  return makeFigure(
    {
      title: "What is left of each layer",
      subtitle: `${percent(keptWeights / Math.max(1, total))} of ${whole(total)} weights${gone > 0 ? `; ${gone} layer${gone === 1 ? "" : "s"} gone` : ""}`,
      data: [...edges.map(line), nodes],
      layout: {
        height: 150 + spacing * (depth + 1),
        coloraxis: {
          cmin: 0,
          cmax: 1,
          colorbar: {
            title: { text: "of weights, or units, kept", side: "top" },
            tickformat: ".0%",
            nticks: 3,
            orientation: "h",
            len: 0.28,
            x: 0,
            xanchor: "left",
            y: 0,
            yanchor: "top",
          },
        },
        xaxis: { ...axis, range: [right - width - 1.2, right + Math.max(2, 1.2 * width)] },
        yaxis: { ...axis, range: [depth + 0.5, -0.5] },
      },
      table: {
        columns: ["layer", "class", "units", "units kept", "weights", "weights kept", "present"],
        rows: layers.map((layer) => [
          layer.name,
          layer.className,
          layer.units,
          layer.unitsKept,
          layer.weights,
          layer.weightsKept,
          layer.present ? 1 : 0,
        ]),
      },
    },
    options,
  );
}

/** Layers of one level stand side by side; a layer alone stands in the last column. */
function columns(drawn: readonly number[], level: ReadonlyMap<number, number>): Map<number, number> {
  const byLevel = new Map<number, number[]>();
  for (const i of drawn) byLevel.set(level.get(i)!, [...(byLevel.get(level.get(i)!) ?? []), i]);
  const column = new Map<number, number>();
  for (const side of byLevel.values()) side.forEach((i, k) => column.set(i, k - side.length + 1));
  return column;
}
