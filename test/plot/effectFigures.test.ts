import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { effectFigures, gateFigures, readEffects, toCsv } from "../../lib/plot/index.js";
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

  test("one figure a pair and setting, by density where there are several", () => {
    const more = effects.flatMap((row) => [
      { ...row, strategy: "reset" },
      { ...row, strategy: "fixed" },
      { ...row, strategy: "fixed", density: 0.5 },
    ]);
    const figures = effectFigures("e3", more);
    assert.deepEqual(Object.keys(figures).sort(), [
      "e3-digits-0-4-to-digits-5-9-fixed-by-density",
      "e3-digits-0-4-to-digits-5-9-reset-effects",
    ]);
    const rows = Object.values(figures).map((figure) => figure.table.rows.length);
    assert.equal(rows[0] + rows[1], more.length);
  });

  test("gates: an image a setting, or the operations; nothing for one image alone or for gates without a place", () => {
    const made = { group: "image", kept: 0.5, searches: 4, asked: 0.1 };
    const pixels = (source: string): Parameters<typeof gateFigures>[1] =>
      [0, 1, 2, 3].map((gate) => ({ ...made, source, gate, row: gate >> 1, column: gate & 1, kept: gate / 4 }));
    const images = gateFigures("e1", [...pixels("a"), ...pixels("b")])["e1-gates"];
    assert.deepEqual(
      images.data.map(({ z }) => z),
      [0, 1].map(() => [
        [0, 0.25],
        [0.5, 0.75],
      ]),
    );
    assert.deepEqual(gateFigures("e1", pixels("a")), {});
    const operations = ["blur", "none"].map((gate) => ({ ...made, source: "a", gate, row: null, column: null }));
    assert.deepEqual(gateFigures("e5", operations)["e5-gates"].data[0].z, [[0.5], [0.5]]);
    assert.deepEqual(gateFigures("e2", [{ ...operations[0], gate: 7 }]), {});
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
