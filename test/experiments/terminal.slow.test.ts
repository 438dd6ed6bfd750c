import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { root } from "../scripts/support.js";
import { busy, needs } from "../support.js";

const python = join(root, ".venv", "bin", "python");
const options = needs("Python", existsSync(python), "npm run setup");

/** Runs Node on a terminal of its own, whose keys are the standard input. */
function onTerminal(args: readonly string[]): ChildProcessWithoutNullStreams {
  const program = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
  const started = spawn(python, ["-c", program, process.execPath, ...args], { cwd: root });
  started.stdout.setEncoding("utf8");
  return started;
}

describe("a sweep in a terminal", options, () => {
  const folder = mkdtempSync(join(tmpdir(), "twotemp-test-"));
  after(() => rmSync(folder, { recursive: true }));

  for (const option of ["--inline", "--workers=1"]) {
    test(`with ${option} ends at Ctrl-C, and the next call goes on`, { timeout: 600_000 }, async () => {
      const started = onTerminal(["scripts/twotemp.js", "run", "testbed", "--store", join(folder, option), option]);
      let said = "";
      let pressed = Infinity;
      started.stdout.on("data", (text: string) => {
        said += text;
        if (pressed < Infinity || !/a minute/.test(said)) return;
        pressed = performance.now();
        started.stdin.write("\x03");
      });
      const [status] = (await once(started, "close")) as [number];
      const seconds = (performance.now() - pressed) / 1000;
      assert.match(said, /tasks done, .* stopped: the next call goes on/);
      assert.equal(status, 130);
      assert.ok(seconds < 2 * busy(), `${seconds} s after Ctrl-C`);
    });
  }
});

describe("a search in a terminal", options, () => {
  test("of more than two seconds has a bar in place with the time left, which ends with its line", async () => {
    const started = onTerminal([
      "-e",
      `const tt = require(${JSON.stringify(join(root, "dist/lib/index.js"))});
(async () => {
  await tt.ready();
  const source = (await tt.dataset("digits:0-4")).standardised();
  const space = tt.searchSpace(tt.mlp({ inputShape: source.inputShape, hidden: [32], classes: 5 }), { gates: "input" });
  await tt.search(space, source, { density: 0.25, steps: 6000, seed: 1 }).run({ onProgress: tt.progressBar() });
  console.log("after the bar");
})();`,
    ]);
    let said = "";
    started.stdout.on("data", (text: string) => (said += text));
    const [status] = (await once(started, "close")) as [number];
    assert.equal(status, 0, said);
    const left = [...said.matchAll(/search: ([\d,]+) of 6,000, [^\n]*? left/g)].map(([, done]) => done);
    assert.ok(new Set(left).size >= 3, said);
    // In place: all of it is one line of the terminal, and what follows stands on the next.
    const lines = said.split(/\r?\n/);
    assert.equal(lines.at(-1), "");
    assert.equal(lines.at(-2), "after the bar");
    assert.match(lines.at(-3)!, /search: 6,000 of 6,000 in [^\n]*s/);
    assert.equal(lines.filter((line) => line.includes("search:")).length, 1);
  });
});
