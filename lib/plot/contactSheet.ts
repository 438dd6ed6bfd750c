import type { Dataset, Picture } from "../data/index.js";
import { TwotempError } from "../errors.js";
import { escapeText, type Figure, type FigureOptions, makeFigure } from "./figure.js";
import { round, whole } from "./numbers.js";

/** Classes that fit side by side. */
const classLimit = 26;

/** Pixels between two examples, and of the whole sheet. */
const gap = 2;
const plotWidth = 700;

/**
 * A contact sheet of an image data set: a column a class, its first training examples below one another.
 *
 * @param dataset - of images
 * @returns a figure; its table has one row a class: training and test examples
 * @throws TwotempError `data/image` if the examples are vectors
 * @example
 * ```ts
 * await tt.show(await tt.figures.contactSheet(await tt.dataset("digits")));
 * ```
 */
export async function contactSheet(dataset: Dataset, options: FigureOptions = {}): Promise<Figure> {
  if (dataset.inputShape.length !== 3) {
    throw new TwotempError("data/image", `${dataset.name} holds vectors, not images: tt.show(dataset) shows its table`);
  }
  const rows = dataset.rows("train");
  const columns = Math.min(classLimit, dataset.classCount);
  const examples = Math.min(columns > 12 ? 4 : 5, Math.max(...rows.slice(0, columns).map((own) => own.length)));
  const [height, width] = dataset.inputShape;
  // Enlarged by whole numbers, so that pixels stay sharp.
  const zoom = Math.max(1, Math.round(plotWidth / columns / width));
  const cell = { width: zoom * width + gap, height: zoom * height + gap };

  const { Jimp } = await import("jimp");
  const sheet = new Jimp({ width: columns * cell.width, height: examples * cell.height });
  for (let column = 0; column < columns; column++) {
    for (let row = 0; row < Math.min(examples, rows[column].length); row++) {
      paste(sheet.bitmap, dataset.image("train", rows[column][row]), column * cell.width, row * cell.height, zoom);
    }
  }
  const counts = (split: "train" | "test"): number[] => dataset.rows(split).map((own) => own.length);
  const [train, test] = [counts("train"), counts("test")];
  const shown = columns < dataset.classCount ? `${columns} of ${dataset.classCount}` : `${columns}`;
  const plotHeight = (plotWidth * sheet.bitmap.height) / sheet.bitmap.width;
  return makeFigure(
    {
      title: dataset.name,
      subtitle: `${shown} classes of ${dataset.inputShape.join(" × ")}; n = ${whole(dataset.train.count)} training and ${whole(dataset.test.count)} test examples`,
      data: [{ type: "scatter", x: [], y: [], hoverinfo: "skip" }],
      layout: {
        width: plotWidth + 60,
        height: Math.round(plotHeight + 110),
        margin: { l: 30, r: 30, t: 72, b: 38 },
        showlegend: false,
        xaxis: {
          range: [0, columns],
          tickvals: Array.from({ length: columns }, (_, i) => i + 0.5),
          ticktext: dataset.classNames.slice(0, columns).map(escapeText),
          showline: false,
          ticks: "",
        },
        yaxis: { range: [examples, 0], showgrid: false, showticklabels: false },
        images: [
          {
            source: await sheet.getBase64("image/png"),
            x: 0,
            y: 0,
            xref: "x",
            yref: "y",
            sizex: round(columns, 5),
            sizey: examples,
            sizing: "stretch",
          },
        ],
      },
      table: {
        columns: ["class", "train", "test"],
        rows: dataset.classNames.map((name, label) => [name, train[label], test[label]]),
      },
    },
    options,
  );
}

interface Bitmap {
  readonly width: number;
  readonly data: Buffer;
}

function paste(sheet: Bitmap, picture: Picture, left: number, top: number, zoom: number): void {
  const { width, height, channels, pixels } = picture;
  for (let y = 0; y < zoom * height; y++) {
    for (let x = 0; x < zoom * width; x++) {
      const from = (Math.floor(y / zoom) * width + Math.floor(x / zoom)) * channels;
      const to = ((top + y) * sheet.width + left + x) * 4;
      for (let c = 0; c < 3; c++) sheet.data[to + c] = pixels[from + (channels === 1 ? 0 : Math.min(c, channels - 1))];
      sheet.data[to + 3] = 255;
    }
  }
}
