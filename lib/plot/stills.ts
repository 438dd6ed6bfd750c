import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { Browser, Page } from "playwright-core";
import { TwotempError } from "../errors.js";
import { launchBrowser } from "./browser.js";
import { toCsv, withTheme, type Figure } from "./figure.js";

/** The size of a picture in CSS pixels. */
export interface StillOptions {
  /** Default: the figure's width, else 760. */
  readonly width?: number;
  /** Default: the figure's height, else 420. */
  readonly height?: number;
}

/** What {@link saveFigure} wrote. */
export interface SavedFigure {
  readonly files: readonly string[];
  /** Why there are no pictures, when no browser could be had; the data are written all the same. */
  readonly missing?: string;
}

interface Studio {
  readonly browser: Browser;
  readonly page: Page;
}

/** A browser stays open this long after its last picture. */
const idleMilliseconds = 5000;

let studio: Promise<Studio> | undefined;
let idle: NodeJS.Timeout | undefined;
let queue: Promise<unknown> = Promise.resolve();

/**
 * Plotly numbers the clip paths of a drawing with `Math.random`: seeded by the figure's content, so that one figure
 * always gives the same bytes and two figures on one page don't share names.
 */
const drawInPage = `async ([figure, seed, format, width, height]) => {
  let state = seed >>> 0;
  Math.random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  };
  const options = { format, width, height, scale: format === "png" ? 2 : 1, imageDataOnly: true };
  return Plotly.toImage(figure, options);
}`;

/**
 * A figure as a picture in SVG: the same bytes whenever the figure, the browser and the fonts are the same.
 *
 * @throws TwotempError `plot/browser` if no browser can be had, `plot/still` if Plotly refuses the figure
 * @example
 * ```ts
 * await tt.svg(tt.figures.searchCurves(search.trace));   // "<svg class=..."
 * ```
 */
export async function svg(figure: Figure, options: StillOptions = {}): Promise<string> {
  return draw(figure, "svg", options);
}

/** A figure as a picture in PNG, two pixels to a CSS pixel; errors as {@link svg}. */
export async function png(figure: Figure, options: StillOptions = {}): Promise<Buffer> {
  return Buffer.from(await draw(figure, "png", options), "base64");
}

/**
 * Writes a figure as `<path>.svg`, `<path>.dark.svg`, `<path>.png` and, beside them, its data as `<path>.csv`.
 *
 * Each file appears whole or not at all, and is the same to the byte when nothing has changed. Without a browser the
 * data are written, and `missing` says why there are no pictures.
 *
 * @param path - without extension, for example `figures/transfer`
 * @throws TwotempError `plot/still` if Plotly refuses the figure
 * @example
 * ```ts
 * await tt.saveFigure(tt.figures.effects(result), "figures/effects");
 * ```
 */
export async function saveFigure(figure: Figure, path: string, options: StillOptions = {}): Promise<SavedFigure> {
  const { default: writeFileAtomic } = await import("write-file-atomic");
  await mkdir(dirname(resolve(path)), { recursive: true });
  const files: string[] = [];
  const write = async (extension: string, content: string | Buffer): Promise<void> => {
    await writeFileAtomic(`${path}.${extension}`, content);
    files.push(`${path}.${extension}`);
  };
  await write("csv", toCsv(figure.table));
  try {
    await write("svg", await svg(withTheme(figure, "light"), options));
    await write("dark.svg", await svg(withTheme(figure, "dark"), options));
    await write("png", await png(withTheme(figure, "light"), options));
  } catch (error) {
    if (error instanceof TwotempError && error.code === "plot/browser") return { files, missing: error.message };
    throw error;
  }
  return { files };
}

/** Closes the browser that draws pictures; it closes by itself a few seconds after the last one. */
export async function closeBrowser(): Promise<void> {
  clearTimeout(idle);
  const open = studio;
  studio = undefined;
  await open?.then(({ browser }) => browser.close()).catch(() => undefined);
}

/** One picture at a time, in the order asked for. */
function draw(figure: Figure, format: "svg" | "png", options: StillOptions): Promise<string> {
  const picture = queue.then(() => drawNow(figure, format, options));
  queue = picture.catch(() => undefined);
  return picture;
}

async function drawNow(figure: Figure, format: "svg" | "png", options: StillOptions): Promise<string> {
  clearTimeout(idle);
  const json = JSON.stringify({ data: figure.data, layout: figure.layout });
  const seed = createHash("sha256").update(json).digest().readUInt32LE(0);
  const own = (side: "width" | "height", otherwise: number): number =>
    options[side] ?? (typeof figure.layout[side] === "number" ? figure.layout[side] : otherwise);
  const width = own("width", 760);
  const height = own("height", 420);
  const drawHere = async (): Promise<string> => {
    const { page } = await openStudio();
    return drawOn(page, json, seed, format, width, height);
  };
  try {
    return await drawHere().catch(async (error: unknown) => {
      // A browser that was killed since the last picture is replaced, once.
      if (!/has been closed|crashed/.test(String(error))) throw error;
      await closeBrowser();
      return drawHere();
    });
  } catch (error) {
    if (error instanceof TwotempError) throw error;
    // A page that failed once is not trusted again.
    await closeBrowser();
    const reason = String((error as Error).message).split("\n")[0];
    throw new TwotempError("plot/still", `the figure can't be drawn: ${reason}`, { cause: error });
  } finally {
    idle = setTimeout(() => void closeBrowser(), idleMilliseconds);
  }
}

async function openStudio(): Promise<Studio> {
  studio ??= launchStudio();
  try {
    return await studio;
  } catch (error) {
    studio = undefined;
    throw error;
  }
}

async function launchStudio(): Promise<Studio> {
  const browser = await launchBrowser();
  try {
    const page = await browser.newPage();
    await page.setContent("<!doctype html><meta charset=utf-8><body>");
    await page.addScriptTag({ path: require.resolve("plotly.js-dist/plotly.js") });
    // The first export of a page numbers its parts otherwise than all later ones: throw it away.
    await drawOn(page, `{"data":[{"y":[0]}],"layout":{}}`, 0, "svg", 100, 100);
    return { browser, page };
  } catch (error) {
    await browser.close();
    throw error;
  }
}

function drawOn(
  page: Page,
  figureJson: string,
  seed: number,
  format: string,
  width: number,
  height: number,
): Promise<string> {
  return page.evaluate(`(${drawInPage})([${figureJson}, ${seed}, "${format}", ${width}, ${height}])`);
}
