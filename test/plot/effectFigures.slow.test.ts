import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { readEffects, toCsv } from "../../lib/plot/index.js";
import { effectTable } from "../../lib/plot/transfer.js";
import { effects } from "./made.js";

const folder = mkdtempSync(join(tmpdir(), "twotemp-effects-"));
after(() => rmSync(folder, { recursive: true }));

describe("figures of tables of effects", () => {
  const write = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };

  test("a table comes back as it was written", async () => {
    const unbounded = { ...effects[0], low: -Infinity, high: Infinity };
    const path = write("a-effects.csv", toCsv(effectTable([...effects, unbounded])));
    assert.deepEqual(await readEffects(path), [...effects, unbounded]);
  });

  test("what isn't such a table is refused with its file, row and column", async () => {
    const refused = (path: string, pattern: RegExp): Promise<void> =>
      assert.rejects(readEffects(path), { code: "plot/effects", message: pattern });
    await refused(join(folder, "none.csv"), /none\.csv: can't be read/);
    await refused(write("b.csv", "source,target\na,b\n"), /b\.csv: row 1 has no gates/);
    const broken = toCsv(effectTable(effects)).replace(",4,1,6,", ",four,1,6,");
    await refused(write("c.csv", broken), /c\.csv: row 1 has effect "four", expected a number/);
  });
});
