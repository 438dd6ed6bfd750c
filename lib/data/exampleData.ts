import { mkdir } from "node:fs/promises";
import { join, relative } from "node:path";
import { Random } from "../engine/random.js";
import { TwotempError } from "../errors.js";
import { ProgressMeter, type WorkOptions } from "../progress.js";
import { outputRoot } from "../project.js";

/** Where {@link writeExampleData} put each data set. */
export interface ExampleData {
  /** A CSV file: 24 sensors, of which 8 tell the event in the last column; 8 events, 150 rows each. */
  readonly sensors: string;
  /** A folder for each of the printed capitals A to L, with 60 grey pictures of 16 x 16 pixels. */
  readonly letters: string;
  /** A folder for each of 8 shapes, with 60 coloured pictures of 16 x 16 pixels. */
  readonly shapes: string;
}

const side = 16;
const picturesPerClass = 60;

/** Which sensors of the generated table tell something, in order. */
export const tellingSensors: readonly string[] = ["s02", "s05", "s07", "s11", "s14", "s17", "s18", "s23"];

/**
 * Writes three small data sets as a user would have them, for trying `openData`: a table and two folders of pictures.
 *
 * In the table, event `k` shifts the mean of each telling sensor by 1.2 standard normal draws of its own; other sensors are
 * noise, each in its own unit. Letters are glyphs of the font Open Sans, turned, scaled, shifted and noisy. The same files
 * on every call.
 *
 * @param folder - where to; default `runs/example-data` of the project, relative to the working folder
 * @param options - progress, and a signal that stops it
 * @returns the paths
 * @throws TwotempError `data/path` if the folder can't be written
 * @example
 * ```ts
 * const examples = await tt.writeExampleData();
 * const sensors = await tt.openData(examples.sensors);
 * ```
 */
export async function writeExampleData(
  folder: string = relative(process.cwd(), join(outputRoot(), "runs", "example-data")),
  options: WorkOptions = {},
): Promise<ExampleData> {
  const paths = {
    sensors: join(folder, "sensors.csv"),
    letters: join(folder, "letters"),
    shapes: join(folder, "shapes"),
  };
  const capitals = [..."ABCDEFGHIJKL"];
  const meter = new ProgressMeter(
    "writing example data",
    capitals.length + Object.keys(shapes).length,
    options.onProgress,
  );
  try {
    await writeWhole(paths.sensors, sensorTable());
    const glyph = await glyphs();
    let written = 0;
    for (const letter of capitals) {
      const brightness = await glyph(letter);
      await writePictures(join(paths.letters, letter), (random) => printedLetter(brightness, random), options);
      meter.report(++written);
    }
    for (const [name, inside] of Object.entries(shapes)) {
      await writePictures(join(paths.shapes, name), (random) => colouredShape(inside, random), options);
      meter.report(++written);
    }
  } catch (error) {
    if (options.signal?.aborted || !(error as NodeJS.ErrnoException).code) throw error;
    throw new TwotempError("data/path", `${folder}: can't be written: ${(error as Error).message}`, { cause: error });
  }
  return paths;
}

async function writeWhole(path: string, content: string | Buffer): Promise<void> {
  const { default: writeFileAtomic } = await import("write-file-atomic");
  await mkdir(join(path, ".."), { recursive: true });
  await writeFileAtomic(path, content, { fsync: false });
}

function sensorTable(): string {
  const names = Array.from({ length: 24 }, (_, i) => `s${String(i + 1).padStart(2, "0")}`);
  const events = ["idle", "start", "load", "stop", "leak", "surge", "wear", "stall"];
  const units = new Random("example sensors", "units");
  const sensors = names.map((name) => ({
    unit: 10 ** (3 * units.uniform() - 1),
    level: 5 * units.normal(),
    shifts: events.map(() => (tellingSensors.includes(name) ? 1.2 * units.normal() : 0)),
  }));
  const noise = new Random("example sensors", "noise");
  const lines = Array.from({ length: 150 * events.length }, (_, row) => {
    const event = row % events.length;
    const values = sensors.map(({ unit, level, shifts }) => unit * (level + shifts[event] + 0.7 * noise.normal()));
    return [...values.map((value) => value.toPrecision(5)), events[event]].join(",");
  });
  return `${[...names, "event"].join(",")}\n${lines.join("\n")}\n`;
}

/** Pixels of one picture, red, green and blue after one another, 0 to 255. */
type Drawing = (random: Random) => readonly (readonly [number, number, number])[];

async function writePictures(folder: string, draw: Drawing, { signal }: WorkOptions): Promise<void> {
  const { Jimp } = await import("jimp");
  for (let i = 0; i < picturesPerClass; i++) {
    signal?.throwIfAborted();
    const pixels = draw(new Random("example pictures", folder.split(/[\\/]/).slice(-2).join("/"), i));
    // Not Buffer.from(array), which may lie inside a larger buffer: jimp takes all of that.
    const data = Uint8Array.from(pixels.flatMap(([red, green, blue]) => [red, green, blue, 255]));
    const picture = await Jimp.fromBitmap({ data: Buffer.from(data.buffer), width: side, height: side }).getBuffer(
      "image/png",
    );
    await writeWhole(join(folder, `${String(i).padStart(2, "0")}.png`), picture);
  }
}

/** Whether, or how bright, a point is; the picture covers [-1, 1] in both directions. */
type Field = (x: number, y: number) => number;

/** White letters of the font that comes with jimp, as brightness from 0 to 1. */
async function glyphs(): Promise<(letter: string) => Promise<Field>> {
  const { Jimp, loadFont, measureText } = await import("jimp");
  const { SANS_64_WHITE } = await import("jimp/fonts");
  const font = await loadFont(SANS_64_WHITE);
  const size = 72;
  return async (letter) => {
    const picture = new Jimp({ width: size, height: size, color: 0x000000ff });
    picture.print({ font, x: Math.round((size - measureText(font, letter)) / 2), y: -9, text: letter });
    const { data } = picture.bitmap;
    return (x, y) => {
      const [column, row] = [x, y].map((at) => Math.floor(((at + 1) / 2) * size));
      return Math.min(column, row) < 0 || Math.max(column, row) >= size ? 0 : data[4 * (row * size + column)] / 255;
    };
  };
}

const shapes: Readonly<Record<string, Field>> = {
  bar: (x, y) => Number(Math.abs(x) < 0.25 && Math.abs(y) < 0.8),
  circle: (x, y) => Number(Math.hypot(x, y) < 0.65),
  cross: (x, y) => Number(Math.min(Math.abs(x), Math.abs(y)) < 0.2 && Math.hypot(x, y) < 0.8),
  diamond: (x, y) => Number(Math.abs(x) + Math.abs(y) < 0.75),
  frame: (x, y) => Number(Math.max(Math.abs(x), Math.abs(y)) < 0.65 && Math.max(Math.abs(x), Math.abs(y)) > 0.4),
  ring: (x, y) => Number(Math.hypot(x, y) < 0.7 && Math.hypot(x, y) > 0.4),
  square: (x, y) => Number(Math.max(Math.abs(x), Math.abs(y)) < 0.55),
  triangle: (x, y) => Number(y < 0.6 && y > 2 * Math.abs(x) - 0.7),
};

function printedLetter(glyph: Field, random: Random): ReturnType<Drawing> {
  return sampled(moved(glyph, random, 0.12), (brightness) => {
    const level = clamp(255 * (0.9 * brightness + 0.08 * random.normal()));
    return [level, level, level];
  });
}

function colouredShape(shape: Field, random: Random): ReturnType<Drawing> {
  const ink = [0, 1, 2].map(() => 0.35 + 0.65 * random.uniform());
  return sampled(moved(shape, random, 0.15), (cover) => {
    const [red, green, blue] = ink.map((colour) => clamp(255 * (cover * colour + 0.05 * random.normal())));
    return [red, green, blue];
  });
}

/** The field turned, scaled and shifted a little. */
function moved(field: Field, random: Random, amount: number): Field {
  const [turn, scale, right, down] = [0, 1, 0, 0].map((centre) => centre + amount * (2 * random.uniform() - 1));
  const [cosine, sine] = [Math.cos(turn) * scale, Math.sin(turn) * scale];
  return (x, y) => field(cosine * x - sine * y + right, sine * x + cosine * y + down);
}

/** Each pixel coloured by the mean of the field over 4 x 4 points in it. */
function sampled<T>(field: Field, colour: (mean: number) => T): T[] {
  const points = 4;
  const at = (pixel: number, point: number): number => ((pixel + (point + 0.5) / points) / side) * 2 - 1;
  return Array.from({ length: side * side }, (_, pixel) => {
    let sum = 0;
    for (let i = 0; i < points * points; i++) {
      sum += field(at(pixel % side, i % points), at(Math.floor(pixel / side), Math.floor(i / points)));
    }
    return colour(sum / points ** 2);
  });
}

function clamp(value: number): number {
  return Math.round(Math.min(255, Math.max(0, value)));
}
