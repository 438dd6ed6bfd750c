import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { findBrowser } from "../../lib/plot/index.js";
import { root, runProgram, temporaryFolder } from "../scripts/support.js";
import { needs } from "../support.js";

const committed = join(root, "figures");

void (async () => {
  const browser = await findBrowser().catch(() => undefined);
  // Where everything is depends on how wide its letters are.
  const hasFont = spawnSync("fc-match", ["Liberation Sans"], { encoding: "utf8" }).stdout?.includes("Liberation Sans");
  test(
    "npm run figures draws figures/ again to the byte",
    needs("a browser with the font Liberation Sans", !!browser && hasFont, "apt-get install chromium fonts-liberation"),
    async () => {
      const folder = temporaryFolder("figures");
      const program = join(root, "scripts", "twotemp.js");
      const { status, stderr } = await runProgram(process.execPath, [program, "figures", "--out", folder]);
      assert.equal(status, 0, stderr);
      // What notebooks write there isn't committed.
      const kept = readdirSync(committed).filter((name) => !/^(quickstart|your-data)-/.test(name));
      assert.deepEqual(readdirSync(folder).sort(), kept.sort());
      for (const name of kept.filter((name) => /\.(csv|svg)$/.test(name))) {
        assert.ok(readFileSync(join(folder, name)).equals(readFileSync(join(committed, name))), `${name} differs`);
      }
    },
  );
})();
