import type { Dataset } from "../data/index.js";
import { TwotempError } from "../errors.js";
import { makeFigure, type Figure, type FigureOptions } from "./figure.js";
import { whole } from "./numbers.js";
import { palette } from "./style.js";

type Masked = { readonly mask: ArrayLike<number> };

/** Inputs that are shown, at most. */
const limit = 40;

/**
 * Which inputs architectures keep: how many of them keep each, the most first. The columns of a table by their names, other
 * inputs by where they stand.
 *
 * @param given - an architecture or several, with a gate for each input and no others
 * @param dataset - whose inputs they are
 * @returns a figure; its table has one row an input that any of them keeps
 * @throws TwotempError `plot/inputs` if the gates aren't those of the inputs
 * @example
 * ```ts
 * await tt.show(tt.figures.keptInputs(learned, sensors));
 * ```
 */
export function keptInputs(
  given: Masked | readonly Masked[],
  dataset: Pick<Dataset, "name" | "inputNames" | "inputShape">,
  options: FigureOptions = {},
): Figure {
  const architectures = [given].flat();
  const names = dataset.inputNames ?? positions(dataset.inputShape);
  if (architectures.length === 0 || architectures.some(({ mask }) => mask.length !== names.length)) {
    const found = architectures.map(({ mask }) => mask.length).join(", ");
    throw new TwotempError(
      "plot/inputs",
      `${dataset.name} has ${names.length} inputs; expected as many gates of each architecture, got ${found || "none"}`,
    );
  }
  const kept = names
    .map((name, i) => ({ name, count: architectures.filter(({ mask }) => mask[i]).length }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count);
  const shown = kept.slice(0, limit);
  return makeFigure(
    {
      title: `Inputs of ${dataset.name} that are kept`,
      subtitle: `by how many of n = ${whole(architectures.length)} architectures; ${whole(names.length - kept.length)} of ${whole(names.length)} inputs by none`,
      data: [
        {
          type: "bar",
          orientation: "h",
          x: shown.map(({ count }) => count),
          y: shown.map((_, i) => i),
          marker: { color: palette.blue },
          width: 0.6,
          hovertemplate: "kept by %{x}<extra></extra>",
        },
      ],
      layout: {
        height: Math.max(240, 140 + 20 * shown.length),
        xaxis: {
          title: { text: "architectures" },
          range: [0, architectures.length],
          dtick: Math.ceil(architectures.length / 10),
        },
        yaxis: {
          autorange: "reversed",
          showgrid: false,
          tickvals: shown.map((_, i) => i),
          ticktext: shown.map(({ name }) => name),
        },
      },
      table: { columns: ["input", "kept by"], rows: kept.map(({ name, count }) => [name, count]) },
    },
    options,
  );
}

function positions(shape: readonly number[]): string[] {
  const axes = shape.length === 3 ? ["row", "column", "channel"] : shape.map((_, axis) => `axis ${axis + 1}:`);
  return shape.reduce<string[]>(
    (names, size, axis) =>
      names.flatMap((name) => Array.from({ length: size }, (_, i) => `${name}${name && ", "}${axes[axis]} ${i + 1}`)),
    [""],
  );
}
