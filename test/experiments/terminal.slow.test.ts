import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { root } from "../scripts/support.js";
import { busy, needs } from "../support.js";

const python = join(root, ".venv", "bin", "python");
/** Runs a program on a terminal of its own, whose keys are the standard input. */
const onTerminal = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";

describe("a sweep in a terminal", needs("Python", existsSync(python), "npm run setup"), () => {
  const folder = mkdtempSync(join(tmpdir(), "twotemp-test-"));
  after(() => rmSync(folder, { recursive: true }));

  for (const option of ["--inline", "--workers=1"]) {
    test(`with ${option} ends at Ctrl-C, and the next call goes on`, { timeout: 600_000 }, async () => {
      const command = ["scripts/twotemp.js", "run", "testbed", "--store", join(folder, option), option];
      const started = spawn(python, ["-c", onTerminal, process.execPath, ...command], { cwd: root });
      let said = "";
      let pressed = Infinity;
      started.stdout.setEncoding("utf8").on("data", (text: string) => {
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
