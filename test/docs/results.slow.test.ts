import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { report, withHighlights } from "../../lib/cli/report.js";
import { root } from "../scripts/support.js";

test("docs/results.md and the README's table say what the committed tables say", async () => {
  const { page, highlights } = await report();
  assert.equal(readFileSync(join(root, "docs", "results.md"), "utf8"), page, "run npx twotemp report");
  const readme = readFileSync(join(root, "README.md"), "utf8");
  assert.match(readme, /<!-- results -->/);
  assert.equal(readme, withHighlights(readme, highlights), "run npx twotemp report");
});
