import assert from "node:assert/strict";
import { mkdirSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { after, before, describe, test } from "node:test";
import { busy, needs } from "../support.js";
import { kernelInstalled, root, writeNotebook } from "../scripts/support.js";
import { startLab, type Lab } from "./lab.js";

const folder = join(root, "build", "stop-test");

describe("the Stop button in JupyterLab", needs("JupyterLab", kernelInstalled, "npm run setup"), () => {
  let lab: Lab;
  before(async () => {
    mkdirSync(folder, { recursive: true });
    lab = await startLab();
  });
  after(async () => {
    await lab.close();
    rmSync(folder, { recursive: true });
  });

  test("ends a search within a second; the search goes on when it is run again", async () => {
    const notebook = writeNotebook(join(folder, "stop.ipynb"), [
      `import * as tt from "twotemp";
await tt.ready();
const digits = (await tt.dataset("digits:0-4")).standardised();
const space = tt.searchSpace(tt.mlp({ inputShape: digits.inputShape, hidden: [32], classes: 5 }), { gates: "input" });
const search = tt.search(space, digits, { density: 0.25, steps: 200_000, seed: 1 });`,
      'console.log("first run");\nawait search.run({ onStep: tt.live.search() });\nconst reached = search.step;\nconsole.log("first end");',
      'console.log("second run");\nawait search.run();\nconsole.log("second end", reached > 0 && search.step > reached);',
    ]);
    await lab.open(relative(root, notebook));
    await lab.choose("Run", "Run All Cells");
    for (const [run, end] of [
      ["first run", "first end"],
      ["second run", "second end true"],
    ]) {
      await lab.page.locator(".jp-OutputArea-output", { hasText: run }).last().waitFor();
      await lab.page.waitForTimeout(1000);
      const pressed = performance.now();
      await lab.page.locator('[data-command="notebook:interrupt-kernel"]').first().click();
      await lab.page.locator(".jp-OutputArea-output", { hasText: end }).last().waitFor();
      const seconds = (performance.now() - pressed) / 1000;
      assert.ok(seconds < 1.5 * busy(), `from the click to the next output it took ${seconds} s`);
    }
  });
});
