import { readdir, stat } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import { TwotempError } from "../errors.js";
import { interruptible } from "../interrupt.js";
import { ProgressMeter, type WorkOptions } from "../progress.js";
import type { DataFile, Dataset, Provenance } from "./dataset.js";
import { loadFile } from "./files.js";
import { labelledDataset, type HoldOutOptions } from "./labelled.js";
import { checkOptions } from "./options.js";
import { PictureCollector, type PictureOptions } from "./pictures.js";

/** How a folder of images is read. */
export interface ImageFolderOptions extends PictureOptions, HoldOutOptions, WorkOptions {
  readonly name?: string;
  readonly provenance?: Omit<Provenance, "files" | "steps">;
}

/** One picture's path and class. */
interface Entry {
  readonly path: string;
  readonly label: string;
}

const extensions = [".png", ".jpg", ".jpeg", ".bmp"];
const systemFiles = ["thumbs.db", "desktop.ini"];

/**
 * Reads pictures (PNG, JPEG, BMP) from a folder that holds a folder a class, or folders `train` and `test` that do.
 *
 * Classes and pictures are taken in order of name. Without a `test` folder a part of each class is held out.
 *
 * @throws TwotempError `data/path`, `data/option`, `data/classes` (fewer than two, an empty one, or the folder of one class
 * given), `data/picture` (not a picture), `data/size` (sizes differ and none is asked for), `data/channels` (grey and coloured mixed), naming the file
 * @example
 * ```ts
 * const mushrooms = await tt.readImages("my/mushrooms", { size: 32, channels: 3 });
 * ```
 */
export async function readImages(folder: string, options: ImageFolderOptions = {}): Promise<Dataset> {
  checkOptions(folder, "a folder of pictures", options);
  return interruptible(options.signal, (signal) => readFolder(folder, { ...options, signal }));
}

async function readFolder(folder: string, options: ImageFolderOptions): Promise<Dataset> {
  const found = await stat(folder).catch(() => undefined);
  if (!found) throw new TwotempError("data/path", `${folder}: no such folder`);
  if (!found.isDirectory()) throw new TwotempError("data/path", `${folder}: expected a folder, found a file`);
  const folders = await foldersIn(folder);
  const isSplit = folders.includes("train") && folders.includes("test");
  const train = await listPictures(isSplit ? join(folder, "train") : folder);
  const test = isSplit ? await listPictures(join(folder, "test")) : [];
  const entries = [...train, ...test];
  const { signal } = options;
  const meter = new ProgressMeter("reading pictures", entries.length, options.onProgress);
  const collector = new PictureCollector(options);
  const files: DataFile[] = [];
  for (const [i, { path, label }] of entries.entries()) {
    const { bytes, record } = await loadFile(path, signal);
    await collector.add(path, bytes, signal);
    files.push({ ...record, name: `${label}/${record.name}` });
    meter.report(i + 1);
  }
  const { inputShape, inputs } = collector.collect();
  const boundary = train.length * inputShape.reduce((product, size) => product * size, 1);
  const name = options.name ?? basename(resolve(folder));
  return labelledDataset(
    folder,
    {
      name,
      inputShape,
      train: { inputs: inputs.subarray(0, boundary), labels: train.map(({ label }) => label) },
      test: isSplit ? { inputs: inputs.subarray(boundary), labels: test.map(({ label }) => label) } : undefined,
      provenance: {
        ...(options.provenance ?? { source: name, licence: "not stated", citation: "none given" }),
        files,
        steps: [pictureStep("read from a folder of pictures", options)],
      },
    },
    options,
  );
}

/** Tells how pictures were changed while they were read. */
export function pictureStep(how: string, { size, channels, background }: PictureOptions): string {
  const parts = [how];
  if (size !== undefined) parts.push(`resized to ${[size].flat().join(" x ")}`);
  if (channels !== undefined) parts.push(channels === 1 ? "made grey" : "made colour");
  if (background !== undefined) parts.push(`laid on ${background}`);
  return parts.join(", ");
}

function isPicture(name: string): boolean {
  return extensions.includes(extname(name).toLowerCase());
}

/** The folders in a folder, links to folders among them. */
async function foldersIn(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => !name.startsWith(".")).sort();
  const isFolder = await Promise.all(
    names.map(async (name) => (await stat(join(folder, name)).catch(() => undefined))?.isDirectory() ?? false),
  );
  return names.filter((_, i) => isFolder[i]);
}

async function listPictures(folder: string): Promise<Entry[]> {
  const classes = await foldersIn(folder);
  if (classes.length === 0 && (await readdir(folder)).some(isPicture)) {
    const whole = dirname(resolve(folder));
    throw new TwotempError(
      "data/classes",
      `${folder}: holds pictures, as the folder of one class does; give the folder with a folder for each class, such as ${whole}`,
    );
  }
  if (classes.length < 2) {
    throw new TwotempError(
      "data/classes",
      `${folder}: expected a folder of pictures for each of at least 2 classes, found ${classes.length} folder${classes.length === 1 ? "" : "s"}`,
    );
  }
  const stray = (await readdir(folder)).find(
    (name) => !name.startsWith(".") && isPicture(name) && !classes.includes(name),
  );
  if (stray !== undefined) {
    throw new TwotempError(
      "data/classes",
      `${join(folder, stray)}: a picture beside the folders of classes; move it into one, or elsewhere`,
    );
  }
  const entries: Entry[] = [];
  for (const label of classes) {
    const names = (await readdir(join(folder, label)))
      .filter((name) => !name.startsWith(".") && !systemFiles.includes(name.toLowerCase()))
      .sort();
    if (names.length === 0)
      throw new TwotempError("data/classes", `${join(folder, label)}: the class holds no picture`);
    for (const name of names) {
      const path = join(folder, label, name);
      if (!isPicture(name)) {
        throw new TwotempError(
          "data/picture",
          `${path}: expected a picture (${extensions.join(" ")}), found something else`,
        );
      }
      entries.push({ path, label });
    }
  }
  return entries;
}
