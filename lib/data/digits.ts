import { TwotempError } from "../errors.js";
import { Dataset, type Examples, type Provenance } from "./dataset.js";
import { loadFile } from "./files.js";

const pixelCount = 64;
const largestPixel = 16;

/**
 * Reads UCI optical digits: a line an image, 64 whole numbers 0 to 16 and the digit, between commas.
 *
 * The embedded data are read here rather than by {@link readCsv}, so that they are there at once and stay bytes.
 */
export async function readDigits(
  files: { train: string; test: string },
  about: Omit<Provenance, "files" | "steps">,
  signal?: AbortSignal,
): Promise<Dataset> {
  const [train, test] = await Promise.all([loadFile(files.train, signal), loadFile(files.test, signal)]);
  return new Dataset({
    name: "digits",
    inputShape: [8, 8, 1],
    classNames: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
    train: parse(train.path, train.bytes.toString("latin1")),
    test: parse(test.path, test.bytes.toString("latin1")),
    rawMaximum: largestPixel,
    provenance: { ...about, files: [train.record, test.record], steps: ["read from text"] },
  });
}

function parse(path: string, text: string): Examples {
  const lines = text.trimEnd().split("\n");
  const inputs = new Uint8Array(lines.length * pixelCount);
  const labels = new Int32Array(lines.length);
  lines.forEach((line, row) => {
    const cells = line.split(",");
    if (cells.length !== pixelCount + 1) {
      throw new TwotempError(
        "data/size",
        `${path}, line ${row + 1}: expected ${pixelCount + 1} cells, found ${cells.length}`,
      );
    }
    cells.forEach((cell, column) => {
      const largest = column < pixelCount ? largestPixel : 9;
      const value = /^\d{1,2}\s*$/.test(cell) ? Number(cell) : NaN;
      if (!(value <= largest)) {
        throw new TwotempError(
          "data/values",
          `${path}, line ${row + 1}, cell ${column + 1}: expected a whole number 0 to ${largest}, found ${JSON.stringify(cell.slice(0, 20))}`,
        );
      }
      if (column < pixelCount) inputs[row * pixelCount + column] = value;
      else labels[row] = value;
    });
  });
  return { inputs, labels, count: lines.length };
}
