import { makeFigure, type Figure, type FigureOptions, type PlotlyObject } from "./figure.js";
import { pictureSize } from "../space/picture.js";
import { gateGrid, type GroupOfGates, imageAxes } from "./gateImage.js";
import { percent, round, whole } from "./numbers.js";
import { palette } from "./style.js";

/** What {@link keptGates} reads of an architecture. */
export interface KeptGates {
  readonly groups: readonly GroupOfGates[];
  /** 1 where a gate is kept, [gateCount]. */
  readonly mask: ArrayLike<number>;
}

/** An architecture, or a search for the one that it has. */
export type HasGates = KeptGates | { architecture(): KeptGates };

/** The architecture that is meant. */
export function architectureOf(given: HasGates): KeptGates {
  return "architecture" in given ? given.architecture() : given;
}

/**
 * Which gates an architecture keeps: over the pixels of the input where gates lie on a picture, and as a bar a group.
 *
 * @param given - an architecture, or a search for the one that it has
 * @returns a figure; its table has one row a group: kept, gates, fraction
 * @example
 * ```ts
 * await tt.show(tt.figures.keptGates(search.architecture({ density: 0.1 })));
 * ```
 */
export function keptGates(given: HasGates, options: FigureOptions = {}): Figure {
  const { groups, mask } = architectureOf(given);
  const kept = groups.map(({ offset, size }) => countKept(mask, offset, size));
  const total = groups.reduce((sum, group) => sum + group.size, 0);
  const totalKept = kept.reduce((sum, count) => sum + count, 0);
  const pictures = groups.filter(pictureSize).slice(0, 1);
  const bars = groups.length > 1 || pictures.length === 0;
  const data: PlotlyObject[] = [];
  let layout: PlotlyObject = {};

  for (const group of pictures) {
    const z = gateGrid(group, mask);
    data.push({
      type: "heatmap",
      z,
      zmin: 0,
      zmax: 1,
      xgap: 1,
      ygap: 1,
      showscale: group.shape.length === 3 && group.shape[2] > 1,
      colorbar: { title: { text: "channels kept", side: "right" }, tickformat: ".0%" },
      hovertemplate: "row %{y}, column %{x}: %{z}<extra></extra>",
    });
    layout = { ...layout, ...imageAxes(0, bars ? [0, 0.45] : [0, 1], [0, 1]) };
  }
  if (bars) {
    const at = pictures.length;
    const suffix = at === 0 ? "" : String(at + 1);
    data.push({
      type: "bar",
      orientation: "h",
      x: groups.map((group, g) => round(kept[g] / group.size)),
      y: groups.map((_, g) => g),
      xaxis: `x${suffix}`,
      yaxis: `y${suffix}`,
      marker: { color: palette.blue },
      width: 0.5,
      text: groups.map((group, g) => ` ${whole(kept[g])} of ${whole(group.size)}`),
      textposition: "outside",
      cliponaxis: false,
      hovertemplate: "%{y}: %{x:.2%} kept<extra></extra>",
    });
    const longest = Math.max(...groups.map((group, g) => kept[g] / group.size));
    layout = {
      ...layout,
      [`xaxis${suffix}`]: {
        anchor: `y${suffix}`,
        domain: pictures.length ? [0.62, 0.9] : [0, 0.86],
        title: { text: "gates kept" },
        tickformat: ".0%",
        nticks: 5,
        range: [0, longest > 0 ? longest * 1.02 : 1],
        showgrid: true,
      },
      [`yaxis${suffix}`]: {
        anchor: `x${suffix}`,
        autorange: "reversed",
        showgrid: false,
        tickvals: groups.map((_, g) => g),
        ticktext: groups.map((group) => group.name),
      },
    };
  }
  return makeFigure(
    {
      title: "Gates kept",
      subtitle: `${whole(totalKept)} of ${whole(total)} gates (${percent(totalKept / total)}) in ${groups.length === 1 ? groups[0].name : `${groups.length} groups`}`,
      data,
      layout: {
        height: pictures.length ? 440 : Math.max(240, 140 + 26 * groups.length),
        ...(bars ? {} : { width: 400, margin: { l: 16, r: 16, b: 16 } }),
        ...layout,
      },
      table: {
        columns: ["group", "kind", "kept", "gates", "fraction"],
        rows: groups.map((group, g) => [group.name, group.kind, kept[g], group.size, kept[g] / group.size]),
      },
    },
    options,
  );
}

function countKept(mask: ArrayLike<number>, offset: number, size: number): number {
  let kept = 0;
  for (let i = offset; i < offset + size; i++) kept += mask[i] ? 1 : 0;
  return kept;
}
