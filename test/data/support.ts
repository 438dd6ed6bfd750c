import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { TestContext } from "node:test";
import { TwotempError } from "../../lib/errors.js";
import { Dataset, type DatasetParts } from "../../lib/data/index.js";

export const fixtures: string = resolve(__dirname, "../../../test/data/fixtures");

/** A folder that goes when the test ends. */
export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "twotemp-data-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes a file, and the folders that it lies in. Returns its path. */
export function put(folder: string, name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

/** Asserts that work fails with a TwotempError of one line, of this code, that matches. */
export async function refuses(work: () => unknown, code: string, matching: RegExp): Promise<void> {
  await assert.rejects(
    async () => work(),
    (error: unknown) => {
      assert.ok(
        error instanceof TwotempError,
        `expected a TwotempError, got ${String((error as Error).stack ?? error)}`,
      );
      assert.equal(error.code, code, error.message);
      assert.match(error.message, matching);
      assert.ok(!error.message.includes("\n"), error.message);
      return true;
    },
  );
}

/** An IDX file of bytes. */
export function idx(shape: readonly number[], values: ArrayLike<number>): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header[2] = 8;
  header[3] = shape.length;
  shape.forEach((size, i) => header.writeUInt32BE(size, 4 + 4 * i));
  return Buffer.concat([header, Uint8Array.from(values)]);
}

/** A CIFAR record: label bytes and a pixel value a plane. */
export function cifarRecord(labels: readonly number[], red: number, green: number, blue: number): Buffer {
  const plane = (value: number): Buffer => Buffer.alloc(1024, value);
  return Buffer.concat([Uint8Array.from(labels), plane(red), plane(green), plane(blue)]);
}

/** An encoded picture whose pixels are given as 0xRRGGBBAA. */
export async function encodedPicture(
  width: number,
  height: number,
  color: (x: number, y: number) => number,
  mime: "image/png" | "image/jpeg" | "image/bmp" = "image/png",
): Promise<Buffer> {
  // Loaded here, as most of the tests have no pictures.
  const { Jimp } = await import("jimp");
  const image = new Jimp({ width, height });
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) image.setPixelColor(color(x, y) >>> 0, x, y);
  return image.getBuffer(mime);
}

/** A data set of vectors: `perClass` training and two test examples a class; value j of example i is 10 i + j. */
export function toyDataset(
  classNames: readonly string[],
  perClass: number,
  change: Partial<DatasetParts> = {},
): Dataset {
  const examples = (each: number): DatasetParts["train"] => {
    const count = each * classNames.length;
    return {
      inputs: Uint8Array.from({ length: count * 2 }, (_, at) => (10 * Math.floor(at / 2) + (at % 2)) % 256),
      labels: Int32Array.from({ length: count }, (_, row) => row % classNames.length),
      count,
    };
  };
  return new Dataset({
    name: "toy",
    inputShape: [2],
    classNames,
    train: examples(perClass),
    test: examples(2),
    provenance: { source: "made by a test", licence: "none", citation: "none", files: [], steps: [] },
    ...change,
  });
}
