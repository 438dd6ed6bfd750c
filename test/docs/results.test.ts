import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { resultsPage } from "../../lib/cli/report.js";
import { root } from "../scripts/support.js";

test("docs/results.md says what the committed tables say", async () => {
  const page = readFileSync(join(root, "docs", "results.md"), "utf8");
  assert.equal(page, await resultsPage(), "run npx twotemp report");
});
