import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { launchBrowser } from "../../lib/plot/browser.js";
import { figures } from "../../lib/plot/index.js";
import { browserPresent, screenshot } from "../browser.js";
import { needs } from "../support.js";
import { sampleSearch } from "./sample.js";

/** What is drawn: the groups whose image is visible, their first image, the histories visible, and the step. */
interface Drawn {
  readonly images: string[];
  readonly image: string;
  readonly histories: number;
  readonly step: string;
}

void (async () => {
  describe(
    "the explorer, in a page without a kernel",
    needs("a browser", await browserPresent(), "apt-get install chromium"),
    () => {
      const { trace } = sampleSearch(1, 40, 6);
      const names = trace.groups.map(({ name }) => name);
      const errors: string[] = [];
      let browser: Browser;
      let page: Page;
      before(async () => {
        browser = await launchBrowser();
        page = await browser.newPage({ viewport: { width: 900, height: 600 } });
        page.on("pageerror", (error) => errors.push(error.message));
        await page.setContent("<!doctype html><meta charset=utf-8><body><div id=figure></div>");
        await page.addScriptTag({ path: require.resolve("plotly.js-dist/plotly.js") });
        const { data, layout, frames } = figures.explorer(trace);
        await page.evaluate(`Plotly.newPlot("figure", ${JSON.stringify({ data, layout, frames })})`);
      });
      after(() => browser.close());

      const drawn = (): Promise<Drawn> =>
        page.evaluate(`(() => {
        const { data, _fullLayout } = document.getElementById("figure");
        const seen = data.filter(({ visible }) => visible !== false);
        const images = seen.filter(({ type }) => type === "heatmap");
        return {
          images: images.map(({ name }) => name),
          image: JSON.stringify(images[0].z),
          histories: seen.length - images.length,
          step: document.querySelector(".slider-label").textContent,
        };
      })()`);

      test("a click on a group shows its gates and their histories alone", async () => {
        assert.ok(names.length > 1);
        assert.deepEqual((await drawn()).images, [names[0]]);
        for (const name of [...names.slice(1), names[0]]) {
          const was = await drawn();
          await page.locator(".updatemenu-button", { hasText: new RegExp(`^${name}$`) }).click();
          const is = await drawn();
          assert.deepEqual(is.images, [name]);
          assert.notEqual(is.image, was.image);
          assert.ok(is.histories > 0);
        }
        await page.locator(".updatemenu-button", { hasText: new RegExp(`^${names[1]}$`) }).click();
        await screenshot(page, "explorer-group");
      });

      test("the slider moves the chosen group's gates through the steps", async () => {
        const seen = new Set<string>();
        for (const part of [0.02, 0.5, 0.98]) {
          const was = await drawn();
          const rail = (await page.locator(".slider-rail-touch-rect").boundingBox())!;
          await page.mouse.click(rail.x + part * rail.width, rail.y + rail.height / 2);
          await page
            .locator(".slider-label")
            .first()
            .filter({ hasNotText: was.step })
            .waitFor()
            .catch(() => undefined);
          const is = await drawn();
          assert.deepEqual(is.images, [names[1]]);
          seen.add(`${is.step} ${is.image}`);
        }
        assert.equal(seen.size, 3);
        await screenshot(page, "explorer-slider");
      });

      test("has no errors, and asks nothing of the network", async () => {
        assert.deepEqual(errors, []);
        assert.equal(await page.evaluate("performance.getEntriesByType('resource').length"), 0);
      });
    },
  );
})();
