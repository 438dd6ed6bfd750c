import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser, Frame, Page } from "playwright-core";
import { launchBrowser } from "../../lib/plot/browser.js";
import { convergenceExplorer, mimeBundle } from "../../lib/plot/index.js";
import { enumerate, type SliderValues, type StudiedRun, subsetProblem } from "../../lib/theory/index.js";
import { studied } from "../../lib/theory/testbed/study.js";
import { browserPresent, screenshot } from "../browser.js";
import { needs } from "../support.js";

/** What stands in the page's own variables. */
type Inside = { run: StudiedRun; values: SliderValues; update: "mirror" | "euler" | "adaptive" };

void (async () => {
  describe("the convergence explorer", needs("a browser", await browserPresent(), "apt-get install chromium"), () => {
    let browser: Browser;
    let tab: Page;
    let page: Frame;
    const errors: string[] = [];
    before(async () => {
      browser = await launchBrowser();
      tab = await browser.newPage({ viewport: { width: 900, height: 600 } });
      tab.on("pageerror", (error) => errors.push(error.message));
      await tab.setContent((await mimeBundle(convergenceExplorer({ seed: 3, steps: 100 })))["text/html"] as string);
      page = tab.frames()[1];
      await page.locator("#controls").waitFor();
    });
    after(() => browser.close());

    /** Moves a slider, and waits for the picture that follows. */
    async function move(name: string, part: number): Promise<void> {
      await page.locator(`input[name=${name}]`).fill(String(part));
      await drawn();
    }
    /** The next picture is there: this was asked for after it. */
    const drawn = (): Promise<unknown> => page.evaluate("new Promise((resolve) => requestAnimationFrame(resolve))");
    const inside = (): Promise<Inside> => page.evaluate("({ run, values: { ...values }, update })");
    const told = (): Promise<string | null> => page.locator("#status").textContent();
    const picture = (): Promise<Record<string, string>> =>
      page.evaluate(`(() => {
        const all = (selector) => [...picture.querySelectorAll(selector)].map((part) => part.outerHTML);
        const [bound, regret, ...gates] = all("polyline");
        gates.pop();
        return { bound, regret, gates: gates.join(""), landscape: all("rect").join(""), now: all("circle").join("") };
      })()`);

    const same = (was: Record<string, string>, is: Record<string, string>): string[] =>
      Object.keys(is).filter((what) => is[what] === was[what]);

    /** That the page has the numbers that the library computes here. */
    async function agrees(): Promise<void> {
      const { run, values, update } = await inside();
      const problem = subsetProblem({ seed: 3, penalty: values.gamma });
      const wanted = studied(problem, enumerate(problem), values, { update, steps: 100, seed: 3 });
      const flat = ({ regret, bound, excess, gates }: StudiedRun): number[] => [
        ...regret,
        ...bound,
        ...excess,
        ...gates.flat(),
      ];
      assert.deepEqual(run.steps, wanted.steps);
      assert.equal(run.found, wanted.found);
      flat(run).forEach((value, k) => assert.ok(Math.abs(value - flat(wanted)[k]) <= 1e-9 * (1 + Math.abs(value))));
    }

    test("computes in the page what the library computes, for every update and values far from the start", async () => {
      await agrees();
      for (const [name, part] of Object.entries({ tc: 60, th: 80, eta: 70, R: 40, gamma: 45 })) await move(name, part);
      const { values } = await inside();
      assert.deepEqual(values, { tc: 0.16, th: 2, eta: 0.63, R: 0.48, gamma: 0.45 });
      for (const update of ["euler", "adaptive", "mirror"]) {
        await page.locator("select").selectOption(update);
        await drawn();
        assert.equal((await inside()).update, update);
        await agrees();
      }
    });

    test("every slider moves bound, regret, gates and landscape; the step moves along them", async () => {
      for (const [name, part] of Object.entries({ tc: 30, th: 50, eta: 90, R: 5, gamma: 90 })) {
        const was = await picture();
        await move(name, part);
        const is = await picture();
        assert.deepEqual(same(was, is), [], name);
        await agrees();
      }
      const was = await picture();
      assert.match((await told())!, /^100 steps: /);
      await move("step", 5);
      const is = await picture();
      assert.match((await told())!, /^20 steps: regret [\d.e-]+ of at most [\d.]+ \(.* %\); /);
      assert.deepEqual(same(was, is), ["bound", "regret", "gates"]);
    });

    test("values that don't go together are one line, and the next ones are searched again", async () => {
      await move("th", 0);
      await move("tc", 100);
      assert.equal(await told(), "hotTemperature must be at least coldTemperature, which is 1; got 0.05");
      await move("tc", 0);
      assert.match((await told())!, /steps: regret/);
      await agrees();
    });

    test("has no errors, and reaches neither the notebook nor the network", async () => {
      assert.deepEqual(errors, []);
      assert.equal(await page.evaluate("location.href"), "about:srcdoc");
      assert.equal(await page.evaluate("origin"), "null");
      assert.equal(await page.evaluate("performance.getEntriesByType('resource').length"), 0);
      await screenshot(tab, "convergence-page");
    });
  });
})();
