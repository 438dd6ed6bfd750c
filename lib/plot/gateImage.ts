import type { GateGroup } from "../space/index.js";
import { pictureSize } from "../space/picture.js";
import type { PlotlyObject } from "./figure.js";

/** A group of gates, as figures read it. */
export type GroupOfGates = Pick<GateGroup, "name" | "kind" | "offset" | "size" | "shape">;

/** Rows and columns to lay any group of gates out in: as a picture, a kernel's inputs by outputs, or a near square. */
export function gridSize(group: GroupOfGates): readonly [number, number] {
  const picture = pictureSize(group);
  if (picture) return picture;
  const outputs = group.shape.at(-1) ?? 1;
  if (group.shape.length > 1 && group.size / outputs <= 8 * outputs && outputs <= (8 * group.size) / outputs) {
    return [group.size / outputs, outputs];
  }
  const columns = Math.ceil(Math.sqrt(group.size));
  return [Math.ceil(group.size / columns), columns];
}

/**
 * Values of a group's gates in rows: the mean over channels for pictures, null where a near square has no gate.
 *
 * @param values - one a gate of the whole space
 */
export function gateGrid(group: GroupOfGates, values: ArrayLike<number>): (number | null)[][] {
  const [rows, columns] = gridSize(group);
  const depth = pictureSize(group) ? group.size / (rows * columns) : 1;
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: columns }, (_, column) => {
      const first = (row * columns + column) * depth;
      if (first >= group.size) return null;
      let sum = 0;
      for (let d = 0; d < depth; d++) sum += values[group.offset + first + d];
      return sum / depth;
    }),
  );
}

/** Axes of an image: square cells, first row on top, no ticks. */
export function imageAxes(index: number, x: readonly number[], y: readonly number[]): PlotlyObject {
  const suffix = index === 0 ? "" : String(index + 1);
  const hidden = { showgrid: false, showline: false, showticklabels: false, ticks: "", constrain: "domain" };
  return {
    [`xaxis${suffix}`]: { ...hidden, domain: x, anchor: `y${suffix}` },
    [`yaxis${suffix}`]: {
      ...hidden,
      domain: y,
      anchor: `x${suffix}`,
      autorange: "reversed",
      scaleanchor: `x${suffix}`,
    },
  };
}

/** A short colour bar from 0 to 100 %, at the top. */
export const fractionBar = (title: string): PlotlyObject => ({
  tickformat: ".0%",
  title: { text: title, side: "right" },
  lenmode: "pixels",
  len: 150,
  y: 1,
  yanchor: "top",
});
