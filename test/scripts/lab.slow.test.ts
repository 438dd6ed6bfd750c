import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { launchBrowser } from "../../lib/plot/browser.js";
import { needs } from "../support.js";
import { findProgram, kernelInstalled, root, writeNotebook } from "./support.js";

const folder = join(root, "build", "lab");
const screenshots = join(root, "build", "screenshots");
const browserPresent = Boolean(process.env.TWOTEMP_BROWSER ?? findProgram("chromium") ?? findProgram("google-chrome"));
const figure = ".twotemp-figure.js-plotly-plot";
const stopButton = '[data-jp-item-name="interrupt"]';
const wait = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** A small search on the embedded digits, with the library's own calls. */
const search = `
import * as tt from "twotemp";
await tt.ready();
const digits = (await tt.dataset("digits:0-4")).standardised();
const model = tt.mlp({ inputShape: digits.inputShape, hidden: [32], classes: digits.classCount });
const space = tt.searchSpace(model, { gates: "input" });
const run = tt.search(space, digits, { density: 0.2, steps: 20_000, seed: 1 });`;

interface Lab {
  readonly server: ChildProcess;
  readonly url: (notebook: string) => string;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function startLab(): Promise<Lab> {
  const port = await freePort();
  const token = "browser-test";
  const args = ["scripts/lab.js", "--no-browser", `--port=${port}`, `--IdentityProvider.token=${token}`];
  const server = spawn(process.execPath, args, { cwd: root, detached: true });
  let output = "";
  for (const stream of [server.stdout, server.stderr]) stream.on("data", (data: Buffer) => (output += String(data)));
  const answers = async (): Promise<boolean> =>
    fetch(`http://127.0.0.1:${port}/api/status?token=${token}`).then(
      (reply) => reply.ok,
      () => false,
    );
  for (let tries = 0; !(await answers()); tries++) {
    assert.ok(tries < 240 && server.exitCode === null, `JupyterLab doesn't answer:\n${output}`);
    await wait(0.5);
  }
  return { server, url: (notebook) => `http://127.0.0.1:${port}/lab/tree/build/lab/${notebook}?reset&token=${token}` };
}

describe(
  "the notebooks in JupyterLab, in a real browser",
  {
    skip:
      needs("the Jupyter kernel", kernelInstalled, "npm run setup").skip ||
      needs("Chromium", browserPresent, "apt-get install chromium").skip,
  },
  () => {
    let lab: Lab;
    let browser: Browser;
    let page: Page;
    const complaints: string[] = [];

    before(async () => {
      for (const place of [folder, screenshots]) mkdirSync(place, { recursive: true });
      lab = await startLab();
      browser = await launchBrowser();
      page = await browser.newPage({ viewport: { width: 1300, height: 900 } });
      page.setDefaultTimeout(60_000);
      page.on("pageerror", (error) => complaints.push(error.message));
    });

    after(async () => {
      await browser?.close();
      if (lab?.server.pid) process.kill(-lab.server.pid, "SIGTERM");
      rmSync(folder, { recursive: true, force: true });
    });

    async function open(name: string, cells: string[]): Promise<void> {
      writeNotebook(join(folder, name), cells);
      await page.goto(lab.url(name));
      await page.waitForSelector(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell");
      await page.waitForSelector('.jp-KernelName:has-text("TypeScript (twotemp)")');
      await page.waitForSelector('.jp-Notebook-ExecutionIndicator[data-status="idle"]');
    }

    const command = async (menu: string, item: string): Promise<void> => {
      await page.click(`.lm-MenuBar-itemLabel:text-is("${menu}")`);
      await page.click(`.lm-Menu-itemLabel:text-is("${item}")`);
    };
    const runAll = (): Promise<void> => command("Run", "Run All Cells");
    const outputs = (): Promise<string> =>
      page.$$eval(".jp-OutputArea-output", (nodes) =>
        nodes.map((node) => (node as unknown as { innerText: string }).innerText).join("\n"),
      );
    const outputShows = async (text: RegExp, seconds: number): Promise<void> => {
      const end = performance.now() + seconds * 1000;
      while (!text.test(await outputs())) {
        assert.ok(performance.now() < end, `no output ${text} within ${seconds} s, but: ${await outputs()}`);
        await wait(0.1);
      }
    };
    const picture = (name: string): Promise<unknown> => page.screenshot({ path: join(screenshots, `${name}.png`) });

    test("a notebook opens with the project's kernel and runs to its end", async () => {
      await open("runs.ipynb", [
        'import * as tt from "twotemp";\nconst { engine } = await tt.ready();',
        'console.log("engine:", engine);',
        'console.log("the", "end");',
      ]);
      await runAll();
      await outputShows(/engine: (tensorflow|wasm|cpu)\n*the end/, 60);
      await picture("runs");
    });

    test("a live figure is redrawn in place", async () => {
      await open("live.ipynb", [
        search,
        "await run.run({ onStep: tt.live.search() });",
        'console.log("kept:", run.step);',
        'console.log("resumed:", run.step);\nawait run.run();\nconsole.log("halted:", run.step);',
      ]);
      await runAll();
      await page.waitForSelector(figure, { timeout: 120_000 });
      await page.$eval(figure, (node) => node.setAttribute("data-first", "yes"));
      const states = new Set<string>();
      const begun = performance.now();
      while (performance.now() - begun < 6000) {
        states.add(await page.$eval(figure, (node) => JSON.stringify((node as unknown as { data: unknown }).data)));
        await wait(0.05);
      }
      assert.ok(states.size >= 6, `${states.size} different figures seen in 6 s`);
      assert.equal(await page.$$eval(figure, (nodes) => nodes.length), 1);
      assert.equal(await page.getAttribute(figure, "data-first"), "yes", "the same element was redrawn, not replaced");
      await picture("live");
    });

    test("Stop keeps what the search reached, the panel's last still included; the kernel lives", async () => {
      await page.click(stopButton);
      await outputShows(/kept: [1-9]/, 20);
      await picture("stop");
    });

    test("a search that was stopped goes on, and Stop ends it within a second", async () => {
      await outputShows(/resumed: [1-9]/, 10);
      await wait(1);
      const pressed = performance.now();
      await page.click(stopButton);
      await outputShows(/halted: [1-9]/, 10);
      const seconds = (performance.now() - pressed) / 1000;
      assert.ok(seconds < 1.5, `it took ${seconds} s to stop and to show it`);
      const [, from, to] = /resumed: (\d+)\s+halted: (\d+)/.exec(await outputs())!.map(Number);
      assert.ok(to > from);
    });

    test("the figure of a saved notebook shows without a kernel", async () => {
      await command("File", "Save Notebook");
      await wait(1);
      const saved = readFileSync(join(folder, "live.ipynb"), "utf8");
      assert.match(saved, /application\/vnd\.plotly\.v1\+json/);
      await command("Kernel", "Shut Down Kernel");
      await page.goto(lab.url("live.ipynb"));
      await page.waitForSelector(figure);
      await picture("saved");
    });

    test("an error is readable, and completion knows the library", async () => {
      await open("errors.ipynb", ['import * as tt from "twotemp";', 'await tt.dataset("no-such-data");', "tt.sear"]);
      await runAll();
      await outputShows(/no-such-data/, 60);
      const editor = page.locator(".jp-Cell").nth(2).locator(".cm-content");
      await editor.click();
      await page.keyboard.press("End");
      await page.keyboard.press("Tab");
      await page.waitForSelector(".jp-Completer .jp-Completer-item");
      const offered = await page.$$eval(".jp-Completer-item", (nodes) => nodes.map((node) => node.textContent ?? ""));
      assert.ok(
        offered.some((text) => text.includes("searchSpace")),
        offered.join(", "),
      );
      await picture("completion");
    });

    test("hover documentation shows what the library says of itself", async () => {
      await page.keyboard.press("Escape");
      const editor = page.locator(".jp-Cell").nth(1).locator(".cm-content");
      await editor.getByText("dataset").first().click();
      await page.keyboard.press("Shift+Tab");
      const tooltip = await page.waitForSelector(".jp-Tooltip");
      assert.match((await tooltip.textContent()) ?? "", /dataset\(/);
      await picture("documentation");
    });

    test("the browser met no error of its own", () => assert.deepEqual(complaints, []));
  },
);
