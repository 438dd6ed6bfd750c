import assert from "node:assert/strict";
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { Jimp } from "jimp";
import type { Page } from "playwright-core";
import { findBrowser } from "../lib/plot/browser.js";
import { root } from "./scripts/support.js";

/** Where browser tests leave what they saw, for people and for continuous integration to keep. */
export const screenshots: string = join(root, "build", "screenshots");

/** Whether there is a browser to test with. */
export function browserPresent(): Promise<boolean> {
  return findBrowser().then(
    () => true,
    () => false,
  );
}

/** Takes a picture of the page as `build/screenshots/NAME.png`, and asserts that there is something in it. */
export async function screenshot(page: Page, name: string): Promise<void> {
  mkdirSync(screenshots, { recursive: true });
  const path = join(screenshots, `${name}.png`);
  await page.screenshot({ path });
  assert.ok(statSync(path).size > 0);
  const { bitmap } = await Jimp.read(path);
  const colours = new Set(new Uint32Array(bitmap.data.buffer, bitmap.data.byteOffset, bitmap.width * bitmap.height));
  assert.ok(colours.size > 10, `${name}.png is blank: ${colours.size} colours`);
}
