import { TwotempError } from "../errors.js";
import { sharedGates } from "../space/overlap.js";
import { pictureSize } from "../space/picture.js";
import { type Figure, type FigureOptions, makeFigure, type PlotlyObject } from "./figure.js";
import { fractionBar, gateGrid, imageAxes } from "./gateImage.js";
import { architectureOf, type HasGates } from "./keptGates.js";
import { percent, round } from "./numbers.js";
import { readable } from "./style.js";

/** Architectures whose images are drawn side by side, at most. */
const imageLimit = 9;
/** The side of an image, at most, and the room for its name, in pixels. */
const side = 120;
const nameRoom = 22;

/**
 * Architectures of several seeds side by side: each one's kept pixels, how many keep a pixel, and how much every two
 * share.
 *
 * Two masks A and B share `2 |A and B| / (|A| + |B|)` of their gates, see `sharedGates`.
 *
 * @param given - two or more architectures, or the searches for them, of one space
 * @returns a figure; its table has one row a pair: shared, by chance
 * @throws TwotempError `plot/overlap` for fewer than two, or architectures of different spaces
 * @example
 * ```ts
 * await tt.show(tt.figures.overlap(learned));
 * ```
 */
export function overlap(given: readonly HasGates[], options: FigureOptions = {}): Figure {
  if (given.length < 2) {
    throw new TwotempError("plot/overlap", `an overlap needs two or more architectures, got ${given.length}`);
  }
  const architectures = given.map(architectureOf);
  const [{ groups }] = architectures;
  const sizes = groups.map((group) => group.size).join();
  architectures.forEach((other, i) => {
    if (other.groups.map((group) => group.size).join() !== sizes) {
      throw new TwotempError("plot/overlap", `architecture ${i} has other groups of gates than architecture 0`);
    }
  });
  const count = architectures.length;
  const labels = architectures.map((_, i) => String(i + 1));
  const pairs: { a: number; b: number; shared: number; chance: number }[] = [];
  for (let a = 0; a < count; a++) {
    for (let b = a + 1; b < count; b++) pairs.push({ a, b, ...sharedGates(architectures[a], architectures[b]) });
  }
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const shared = mean(pairs.map((pair) => pair.shared));
  const chance = mean(pairs.map((pair) => pair.chance));
  const matrix = labels.map(() => new Array<number>(count).fill(1));
  for (const pair of pairs) matrix[pair.a][pair.b] = matrix[pair.b][pair.a] = round(pair.shared, 3);

  const picture = groups.find(pictureSize);
  const undrawn = picture && count > imageLimit ? `; images of the first ${imageLimit}` : "";
  const data: PlotlyObject[] = [];
  let layout: PlotlyObject = {};
  let height = 264;
  const annotations: PlotlyObject[] = [];
  if (picture) {
    const masks = architectures.slice(0, imageLimit).map((architecture) => architecture.mask);
    const sum = Array.from(architectures[0].mask, (_, i) => mean(architectures.map(({ mask }) => mask[i])));
    const images = [...masks, sum];
    const columns = Math.ceil(Math.sqrt(images.length));
    const rows = Math.ceil(images.length / columns);
    const line = Math.min(side, 410 / columns) + nameRoom;
    height = Math.max(height, line * rows);
    images.forEach((values, i) => {
      const [row, column] = [Math.floor(i / columns), i % columns];
      const x = [(0.62 * column) / columns, (0.62 * (column + 0.92)) / columns].map((at) => round(at));
      const y = [((row + 1) * line - nameRoom) / height, (row * line) / height].map((at) => round(1 - at));
      const suffix = i === 0 ? "" : String(i + 1);
      data.push({
        type: "heatmap",
        z: gateGrid(picture, values).map((line) => line.map((value) => (value === null ? null : round(value, 3)))),
        zmin: 0,
        zmax: 1,
        xaxis: `x${suffix}`,
        yaxis: `y${suffix}`,
        showscale: false,
        hovertemplate: "row %{y}, column %{x}: %{z:.0%}<extra></extra>",
      });
      layout = { ...layout, ...imageAxes(i, x, y) };
      annotations.push({
        text: i === masks.length ? `<b>all ${count}</b>` : labels[i],
        x: 0.5,
        xref: `x${suffix} domain`,
        y: -0.01,
        yref: `y${suffix} domain`,
        yanchor: "top",
      });
    });
  }
  const at = data.length;
  const suffix = at === 0 ? "" : String(at + 1);
  data.push({
    type: "heatmap",
    x: labels,
    y: labels,
    z: matrix,
    zmin: 0,
    zmax: count > 6 ? 1 : 1 / readable,
    xgap: 1,
    ygap: 1,
    xaxis: `x${suffix}`,
    yaxis: `y${suffix}`,
    showscale: count > 6,
    colorbar: fractionBar("shared"),
    texttemplate: count > 6 ? "" : "%{z:.0%}",
    hovertemplate: "%{x} and %{y} share %{z:.1%}<extra></extra>",
  });
  layout = { ...layout, ...imageAxes(at, picture ? [0.68, 1] : [0, 0.6], [0, 1]) };
  const axis = (name: string): PlotlyObject => layout[name] as PlotlyObject;
  layout = {
    ...layout,
    [`xaxis${suffix}`]: {
      ...axis(`xaxis${suffix}`),
      type: "category",
      showticklabels: true,
      title: { text: "search" },
    },
    [`yaxis${suffix}`]: {
      ...axis(`yaxis${suffix}`),
      type: "category",
      showticklabels: true,
      constraintoward: "top",
    },
  };
  return makeFigure(
    {
      title: "Gates kept by searches of different seeds",
      subtitle: `n = ${count} searches; two share ${percent(shared)} of their gates on average, by chance ${percent(chance)}${undrawn}`,
      data,
      layout: { height: height + 136, margin: { l: 16, t: 84, b: 52 }, ...layout, annotations },
      table: {
        columns: ["a", "b", "shared", "by_chance"],
        rows: pairs.map((pair) => [pair.a + 1, pair.b + 1, pair.shared, pair.chance]),
      },
    },
    options,
  );
}
