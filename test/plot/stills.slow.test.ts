import assert from "node:assert/strict";
import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import {
  closeBrowser,
  figures,
  findBrowser,
  mimeBundle,
  png,
  saveFigure,
  svg,
  withTheme,
} from "../../lib/plot/index.js";
import { browserPresent } from "../browser.js";
import { busy, needs, until } from "../support.js";
import { made, sample } from "./made.js";

const curves = figures.searchCurves(sample.trace);
const kept = figures.keptGates(sample);
const folder = mkdtempSync(join(tmpdir(), "twotemp-stills-"));

after(async () => {
  await closeBrowser();
  rmSync(folder, { recursive: true });
});

void (async () => {
  describe("stills", needs("a browser", await browserPresent(), "apt-get install chromium"), () => {
    test("the same figure gives the same bytes, in this browser, after others, and in a new one", async () => {
      const first = [await svg(curves), await svg(kept)];
      assert.notEqual(first[0], first[1]);
      assert.equal(await svg(curves), first[0]);
      await closeBrowser();
      assert.deepEqual([await svg(kept), await svg(curves)], [first[1], first[0]]);
    });

    test("every figure can be drawn", async () => {
      for (const [name, make] of Object.entries(made)) {
        const text = await svg(await make());
        assert.match(text, /^<svg/, name);
        assert.doesNotMatch(text, /NaN/, name);
      }
    });

    test("an SVG is well-formed, has the figure's size and text, and shares no names with another figure's", async () => {
      const [a, b] = [await svg(curves, { width: 500 }), await svg(kept)];
      assert.match(a, /^<svg [^>]*width="500" height="460"/);
      assert.match(a, /running mean|price of open gates/);
      const names = (text: string): Set<string> =>
        new Set([...text.matchAll(/ id="([^"]+)"/g)].map((match) => match[1]));
      assert.ok(names(a).size > 0);
      assert.deepEqual(
        [...names(a)].filter((name) => names(b).has(name)),
        [],
      );
    });

    test("a figure is saved as pictures for light and dark pages, with its data", async () => {
      const path = join(folder, "new", "curves");
      const { files, missing } = await saveFigure(curves, path);
      assert.equal(missing, undefined);
      assert.deepEqual(
        files,
        ["csv", "svg", "dark.svg", "png"].map((extension) => `${path}.${extension}`),
      );
      const read = (): Buffer[] => files.map((file) => readFileSync(file));
      const before = read();
      assert.match(String(before[0]), /^step,loss,loss_running_mean,price,complexity,kept_input/);
      assert.equal(before[0].toString().split("\n").length, 62);
      assert.notDeepEqual(before[1], before[2]);
      assert.deepEqual([...before[3].subarray(1, 4)], [...Buffer.from("PNG")]);
      // Two pixels to a CSS pixel.
      assert.deepEqual([before[3].readUInt32BE(16), before[3].readUInt32BE(20)], [1520, 920]);
      await saveFigure(withTheme(curves, "dark"), path);
      assert.deepEqual(read(), before);
      assert.equal(readdirSync(join(folder, "new")).length, 4, "no temporary file is left");
    });

    test("a picture of a figure that Plotly refuses is a typed error, and the next one is drawn", async () => {
      const broken = { ...curves, layout: { ...curves.layout, width: -1 } };
      await assert.rejects(png(broken), { code: "plot/still" });
      assert.match(await svg(curves), /^<svg/);
    });

    test("a figure in a notebook carries its still", async () => {
      assert.match((await mimeBundle(kept))["image/svg+xml"] as string, /^<svg/);
    });

    test("a browser that dies is replaced", async () => {
      assert.match(await svg(curves), /^<svg/);
      const { stdout } = await promisify(execFile)("ps", ["-o", "pid=,args=", "--ppid", String(process.pid)]);
      const browsers = stdout.split("\n").filter((line) => line.includes("remote-debugging-pipe"));
      assert.equal(browsers.length, 1);
      process.kill(Number(browsers[0].trim().split(" ")[0]), "SIGKILL");
      await new Promise((resolve) => setTimeout(resolve, 300));
      assert.match(await svg(curves), /^<svg/);
    });

    test("a program that has drawn ends by itself", async () => {
      const library = join(__dirname, "../../lib/plot");
      const program = `
        const { svg } = require(${JSON.stringify(join(library, "stills.js"))});
        const { keptGates } = require(${JSON.stringify(join(library, "keptGates.js"))});
        svg(keptGates({ groups: [{ name: "a", kind: "unit", offset: 0, size: 2, shape: [2] }], mask: [1, 0] })).then((text) => console.log(text.length));`;
      const { stdout } = await promisify(execFile)(process.execPath, ["-e", program], { timeout: 60_000 });
      assert.ok(Number(stdout) > 1000);
    });

    test("a program that draws ends when it is told to, and its browser with it", async () => {
      const library = join(__dirname, "../../lib/plot");
      const program = `
        const { svg } = require(${JSON.stringify(join(library, "stills.js"))});
        const { keptGates } = require(${JSON.stringify(join(library, "keptGates.js"))});
        const figure = keptGates({ groups: [{ name: "a", kind: "unit", offset: 0, size: 2, shape: [2] }], mask: [1, 0] });
        (async () => { for (;;) { await svg(figure); console.log("drawn"); } })();`;
      const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
      const exited = once(child, "exit");
      await once(child.stdout, "data");
      const browser = Number(execFileSync("pgrep", ["-P", String(child.pid)], { encoding: "utf8" }).split("\n")[0]);
      child.kill("SIGTERM");
      assert.deepEqual(await Promise.race([exited, delay(5000 * busy(), "still there")]), [null, "SIGTERM"]);
      await until("the browser's end", () => {
        try {
          return !process.kill(browser, 0);
        } catch {
          return true;
        }
      });
    });

    test(
      "the browser in the npm package draws too",
      { skip: process.platform !== "linux" || process.arch !== "x64" ? "it is for Linux on x86-64" : false },
      async () => {
        await closeBrowser();
        process.env.TWOTEMP_BROWSER = "bundled";
        try {
          assert.equal((await findBrowser()).source, "@sparticuz/chromium");
          assert.match(await svg(curves), /^<svg/);
        } finally {
          delete process.env.TWOTEMP_BROWSER;
          await closeBrowser();
        }
      },
    );
  });
})();

test("without a browser the data are saved, and why there is no picture is told", async () => {
  await closeBrowser();
  process.env.TWOTEMP_BROWSER = "/nowhere";
  try {
    const path = join(folder, "bare");
    const { files, missing } = await saveFigure(kept, path);
    assert.deepEqual(files, [`${path}.csv`]);
    assert.match(missing!, /TWOTEMP_BROWSER is no program: \/nowhere/);
    await assert.rejects(svg(kept), { code: "plot/browser" });
  } finally {
    delete process.env.TWOTEMP_BROWSER;
  }
});
