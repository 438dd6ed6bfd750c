import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Locator } from "playwright-core";
import { linearRegression } from "simple-statistics";
import { plotlyMime } from "../../lib/plot/mime.js";
import { screenshot as seen } from "../browser.js";
import { needs } from "../support.js";
import { kernelInstalled, root, writeNotebook } from "../scripts/support.js";
import { startLab, type Lab } from "./lab.js";

// Inside the repository, where a notebook can import the library.
const folder = join(root, "build", "lab-test");

const setUp =
  'import * as tt from "twotemp";\nawait tt.ready();\nconst source = (await tt.dataset("digits")).classes("0-4").standardised();\nconst space = tt.searchSpace(tt.mlp({ inputShape: source.inputShape, hidden: [32], classes: 5 }), { gates: "input" });';

describe("in JupyterLab", needs("JupyterLab", kernelInstalled, "npm run setup"), () => {
  let lab: Lab;
  before(async () => {
    mkdirSync(folder, { recursive: true });
    lab = await startLab();
  });
  after(async () => {
    await lab.close();
    rmSync(folder, { recursive: true });
  });

  const write = (name: string, cells: string[]): string =>
    relative(root, writeNotebook(join(folder, `${name}.ipynb`), cells));
  const screenshot = (name: string): Promise<void> => seen(lab.page, name);
  const output = (text: string | RegExp) => lab.page.locator(".jp-OutputArea-output", { hasText: text }).last();

  test("a live figure is redrawn in place; Stop keeps what was reached; the explorer's slider moves", async () => {
    const notebook = write("live", [
      setUp,
      "const search = tt.search(space, source, { density: 0.25, steps: 20000, seed: 1 });",
      'await search.run({ onStep: tt.live.search() });\nconsole.log("kept", search.step > 0 && !search.finished);',
      'await tt.show(tt.figures.explorer(search.trace));\nconsole.log("explored");',
    ]);
    await lab.open(notebook);
    await lab.choose("Run", "Run All Cells");
    const figure = lab.figures().first();
    const title = figure.locator(".gtitle");
    await title.waitFor();
    // The very same element is redrawn: a mark on it stays.
    await figure.evaluate((node) => node.setAttribute("data-mark", "kept"));
    const titles = new Set<string | null>();
    let step = 0;
    for (let i = 0; i < 200 && (titles.size < 5 || step < 1600); i++) {
      const text = await title.textContent();
      titles.add(text);
      step = Number(/step ([\d,]+)/.exec(text ?? "")?.[1].replace(",", "") ?? step);
      await lab.page.waitForTimeout(200);
    }
    assert.ok(titles.size >= 5, `the figure was redrawn ${titles.size - 1} times in 40 s`);
    assert.equal(await figure.getAttribute("data-mark"), "kept");
    assert.equal(await lab.figures().count(), 1);
    await screenshot("live");

    await lab.page.locator('[data-command="notebook:interrupt-kernel"]').first().click();
    await output("kept true").waitFor();
    await output("explored").waitFor();

    await moveSlider();
    await screenshot("explorer");
    await lab.page.keyboard.press("Control+s");
    await lab.page.locator(".jp-mod-dirty").waitFor({ state: "detached" });
    const saved = readFileSync(join(root, notebook), "utf8");
    assert.match(saved, /image\/svg\+xml/);
    assert.match(saved, /application\/vnd\.plotly\.v1\+json/);
  });

  /** Clicks on a slider where it is once the page has come to rest. */
  async function clickSlider(figure: Locator, share: number): Promise<void> {
    const rail = figure.locator(".slider-rail-touch-rect").first();
    const { width, height } = (await rail.boundingBox())!;
    await rail.click({ position: { x: share * width, y: height / 2 } });
  }

  /** Clicks on the last figure's slider and sees that the image changes and the step with it. */
  async function moveSlider(): Promise<void> {
    const explorer = lab.figures().last();
    await explorer.locator(".slider-rail-touch-rect").waitFor();
    const state = () =>
      explorer.evaluate((node) => {
        const drawn = node as unknown as { data: { z: number[][] }[] };
        return { image: JSON.stringify(drawn.data[0].z), step: node.querySelector(".slider-label")?.textContent };
      });
    const before = await state();
    await clickSlider(explorer, 0.3);
    // The step is told last.
    await explorer.locator(".slider-label").first().filter({ hasNotText: before.step! }).waitFor();
    assert.notEqual((await state()).image, before.image);
  }

  test("a saved notebook's explorer works without a kernel", async () => {
    await lab.open(relative(root, join(folder, "live.ipynb")));
    await lab.choose("Kernel", "Shut Down Kernel");
    await lab.page.getByText("No Kernel").first().waitFor();
    await moveSlider();
    await screenshot("without-kernel");
  });

  test("the convergence explorer searches in a saved notebook, without a kernel; untrusted, its figure still moves", async () => {
    const notebook = write("convergence", [
      'import * as tt from "twotemp";',
      "await tt.show(tt.convergenceExplorer({ steps: 50 }));",
      'await tt.show(tt.figures.convergence(tt.convergenceStudy({ steps: 50 })));\nconsole.log("shown");',
    ]);
    await lab.open(notebook);
    await lab.choose("Run", "Run All Cells");
    await output("shown").waitFor();
    await lab.page.keyboard.press("Control+s");
    await lab.page.locator(".jp-mod-dirty").waitFor({ state: "detached" });

    await lab.open(notebook);
    await lab.choose("Kernel", "Shut Down Kernel");
    await lab.page.getByText("No Kernel").first().waitFor();
    const explorer = lab.page.frameLocator(".jp-OutputArea-output iframe");
    const told = explorer.locator("#status");
    await told.waitFor();
    const before = await told.textContent();
    await explorer.locator("input[name=eta]").fill("20");
    await told.filter({ hasNotText: before! }).waitFor();
    await screenshot("convergence");

    // An edited notebook isn't the one that was signed.
    const saved = readFileSync(join(root, notebook), "utf8");
    writeFileSync(join(root, notebook), saved.replace('console.log(\\"shown\\")', 'console.log(\\"again\\")'));
    await lab.open(notebook);
    const figure = lab.figures().first();
    await figure.locator(".slider-rail-touch-rect").first().waitFor();
    assert.equal(await lab.page.locator(".jp-OutputArea-output iframe").count(), 0);
    const subtitle = figure.locator(".gtitle-subtitle");
    const stood = await subtitle.textContent();
    await clickSlider(figure, 0.9);
    await subtitle.filter({ hasNotText: stood! }).waitFor();
    await screenshot("convergence-untrusted");
  });

  test(
    "a figure that is redrawn for long leaves no more in the browser's memory than a line of text",
    { timeout: 1_800_000 },
    async (t) => {
      // JupyterLab itself keeps about a kilobyte of each update of any output: listeners of its toolbar, its document's history.
      // With those that warm up, as many redraws as ten minutes have at two a second, without waiting between them.
      const [parts, redraws] = [3, 200];
      const notebook = write("memory", [
        setUp,
        `const { sendDisplay } = require("../../dist/lib/kernel.js");
const { plotlyBundle } = require("../../dist/lib/plot/mime.js");
const search = tt.search(space, source, { density: 0.25, steps: 200, seed: 1 });
await search.run();
const figure = plotlyBundle(tt.figures.searchPanel(search));
const drawn = { figure: 0, text: 0 };
const redraw = async (what: "figure" | "text", count: number) => {
  for (let i = 0; i < count; i++) {
    const told = what + " drawn " + drawn[what];
    figure["application/vnd.plotly.v1+json"].layout.title.text = told;
    sendDisplay(what === "figure" ? figure : { "text/plain": told }, { id: what, update: drawn[what]++ > 0 });
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
};
await redraw("text", 50);
await redraw("figure", 700);
console.log("warm");`,
        ...["figure", "text"].flatMap((what) =>
          Array.from(
            { length: parts },
            (_, part) => `await redraw("${what}", ${redraws});\nconsole.log("${what} part ${part}");`,
          ),
        ),
      ]);
      await lab.open(notebook);
      const session = await lab.page.context().newCDPSession(lab.page);
      const used = async (): Promise<number> => {
        // Some things, such as compiled code, go only when several collections have found them unused.
        for (let i = 0; i < 6; i++) await session.send("HeapProfiler.collectGarbage");
        return (await session.send("Runtime.getHeapUsage")).usedSize;
      };
      const runCell = async (cell: number, told: string): Promise<void> => {
        await lab.page.locator(".jp-CodeCell .cm-content").nth(cell).click();
        await lab.page.keyboard.press("Shift+Enter");
        await output(told).waitFor({ timeout: 0 });
      };
      await lab.page.locator(".jp-CodeCell .cm-content").first().click();
      await lab.page.keyboard.press("Shift+Enter");
      await runCell(1, "warm");
      const drawn = {
        figure: (last: number) => lab.figures().locator(".gtitle", { hasText: `figure drawn ${last}` }),
        text: (last: number) => output(`text drawn ${last}`),
      };
      /** Bytes that a redraw leaves. */
      const left = async (what: "figure" | "text", warm: number, cell: number): Promise<number> => {
        const heap: [redraws: number, bytes: number][] = [[0, await used()]];
        for (let part = 0; part < parts; part++) {
          await runCell(cell + part, `${what} part ${part}`);
          const done = (part + 1) * redraws;
          await drawn[what](warm + done - 1).waitFor({ timeout: 0 });
          heap.push([done, await used()]);
        }
        const told = heap.map(([done, bytes]) => `${(bytes / 1e6).toFixed(2)} MB after ${done}`).join(", ");
        const slope = linearRegression(heap).m;
        t.diagnostic(`${what}: ${slope.toFixed(0)} bytes a redraw: ${told}`);
        return slope;
      };
      const figure = await left("figure", 700, 2);
      const text = await left("text", 50, 2 + parts);
      // What V8 compiles while it warms up is in it; the figure alone is 15 kB as text.
      assert.ok(figure - text < 3000, `${figure} bytes a redraw, of text ${text}`);
    },
  );

  for (const name of readdirSync(join(root, "notebooks")).filter((file) => file.endsWith(".ipynb"))) {
    test(`${name} shows its figures as it was committed, without running it`, async () => {
      const { cells } = JSON.parse(readFileSync(join(root, "notebooks", name), "utf8")) as {
        cells: { outputs?: { data?: Record<string, unknown> }[] }[];
      };
      const drawn = cells.flatMap(({ outputs = [] }) => outputs).filter(({ data }) => data?.[plotlyMime]);
      assert.ok(drawn.length > 0);
      await lab.open(`notebooks/${name}`);
      await screenshot(`${name}-top`);
      const figure = lab.figures().first();
      await figure.locator(".main-svg").first().waitFor({ state: "attached" });
      await figure.scrollIntoViewIfNeeded();
      await screenshot(`${name}-figure`);
    });
  }

  test("an error is one readable line that says what to do", async () => {
    const notebook = write("error", [setUp, 'tt.searchSpace(space.model, { gates: "pixel" as any });']);
    await lab.open(notebook);
    await lab.choose("Run", "Run All Cells");
    const error = output("TwotempError");
    await error.waitFor();
    assert.match((await error.textContent())!.trim(), /^TwotempError: gates must be [^\n]*"pixel"$/);
    await screenshot("error");
  });

  test("names complete, and hovering tells the documentation", async () => {
    const notebook = write("complete", ['import * as tt from "twotemp";', "tt.resumeSea"]);
    await lab.open(notebook);
    await lab.choose("Run", "Run All Cells");
    await output("Did you mean 'resumeSearch'?").waitFor();
    await lab.page.locator(".jp-CodeCell .cm-content").nth(1).click();
    await lab.page.keyboard.press("End");
    await lab.page.keyboard.press("Tab");
    await lab.page.locator(".jp-Completer-item", { hasText: "resumeSearch" }).waitFor();
    await lab.page.keyboard.press("Enter");
    await lab.page.locator(".jp-CodeCell .cm-content", { hasText: "resumeSearch" }).waitFor();
    await lab.page.keyboard.press("Shift+Tab");
    const tip = lab.page.locator(".jp-Tooltip");
    await tip.waitFor();
    assert.match((await tip.textContent())!, /resumeSearch\(space: SearchSpace/);
    await screenshot("documentation");
  });
});
