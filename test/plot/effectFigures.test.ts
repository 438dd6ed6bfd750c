import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { effectFigures, gateFigures } from "../../lib/plot/index.js";
import { effects } from "./made.js";

describe("figures of tables of effects", () => {
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
});
