import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { root, runProgram } from "../scripts/support.js";
import { temporaryFolder } from "../scripts/support.js";

test("the API reference is made from the docstrings without a warning: every link in them leads somewhere", async () => {
  const out = temporaryFolder("api");
  const typedoc = join(root, "node_modules", "typedoc", "bin", "typedoc");
  const { status, stdout, stderr } = await runProgram(process.execPath, [typedoc, "--out", out], { cwd: root });
  assert.equal(status, 0, stdout + stderr);
  assert.ok(existsSync(join(out, "index.html")));
  assert.match(readFileSync(join(out, "functions", "search.search.html"), "utf8"), /two-temperature relaxation/);
});
