import { accessSync, constants } from "node:fs";
import { rm } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { Browser } from "playwright-core";
import { TwotempError } from "../errors.js";

/** A browser that draws pictures. */
export interface BrowserChoice {
  readonly executable: string;
  /** Where it comes from: the system, the variable TWOTEMP_BROWSER, or the npm package @sparticuz/chromium. */
  readonly source: "TWOTEMP_BROWSER" | "system" | "@sparticuz/chromium";
  /** Flags that this browser needs besides `browserFlags`. */
  readonly flags: readonly string[];
}

const systemNames = [
  "chromium",
  "chromium-browser",
  "google-chrome-stable",
  "google-chrome",
  "microsoft-edge",
  "chrome.exe",
  "msedge.exe",
];

const systemPlaces = [
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
  "C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe",
];

/** No window, no first-run pages, no background traffic; no sandbox, which containers lack: it draws our own pages only. */
export const browserFlags: readonly string[] = [
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // The same text on every screen: no subpixel positions, no hinting by the system's settings.
  "--font-render-hinting=none",
];

/**
 * Looks for a browser: `TWOTEMP_BROWSER` (a path, or `bundled` for the npm package), Chromium, Chrome or Edge on the
 * system, else the Chromium in the npm package @sparticuz/chromium (Linux on x86-64 only).
 *
 * @throws TwotempError `plot/browser` if there is none
 */
export async function findBrowser(): Promise<BrowserChoice> {
  const wanted = process.env.TWOTEMP_BROWSER;
  if (wanted && wanted !== "bundled") {
    if (!isExecutable(wanted)) throw new TwotempError("plot/browser", `TWOTEMP_BROWSER is no program: ${wanted}`);
    return { executable: wanted, source: "TWOTEMP_BROWSER", flags: [] };
  }
  if (!wanted) {
    const folders = (process.env.PATH ?? "").split(delimiter).filter(Boolean);
    const places = [...systemNames.flatMap((name) => folders.map((folder) => join(folder, name))), ...systemPlaces];
    const found = places.find(isExecutable);
    if (found) return { executable: found, source: "system", flags: [] };
  }
  if (process.platform === "linux" && process.arch === "x64") {
    const { default: bundled } = await import("@sparticuz/chromium");
    return { executable: await bundled.executablePath(), source: "@sparticuz/chromium", flags: bundled.args };
  }
  throw new TwotempError("plot/browser", "no browser to draw pictures with: install Chromium, Chrome or Edge");
}

/**
 * Starts a headless browser with a new, empty profile; signals are left to the caller.
 *
 * @internal
 */
export async function launchBrowser(): Promise<Browser> {
  const choice = await findBrowser();
  const { chromium } = await import("playwright-core");
  const launch = (): Promise<Browser> =>
    chromium.launch({
      executablePath: choice.executable,
      args: [...browserFlags, ...choice.flags],
      handleSIGINT: false,
      handleSIGTERM: false,
      handleSIGHUP: false,
    });
  try {
    return await launch().catch(async (error: unknown) => {
      if (choice.source !== "@sparticuz/chromium") throw error;
      // A process that was killed while it unpacked the browser leaves a part of it: unpacked again, once.
      await rm(choice.executable, { force: true });
      await findBrowser();
      return launch();
    });
  } catch (error) {
    const reason = String((error as Error).message).split("\n")[0];
    throw new TwotempError(
      "plot/browser",
      `${choice.executable} doesn't start (${reason}): set TWOTEMP_BROWSER to another`,
      {
        cause: error,
      },
    );
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
