import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { timeCompaction } from "../../bench/compaction.js";
import { ready } from "../../lib/engine/index.js";
import { vgg } from "../../lib/models/index.js";
import { checkRandomCells, checkRandomModels, selectors } from "./kinds.js";

describe("masked and compacted are the same network: 500 random models of 30 layers and more", () => {
  before(() => ready());

  for (const [kind, gates] of Object.entries(selectors)) {
    test(`${kind} gates`, () => {
      const compared = checkRandomModels(gates, 30, 100, 2026);
      assert.ok(compared >= 50, `${compared} of 100 vertices were connected`);
    });
  }

  test("gates of operations, 100 random networks of them", () => {
    const compared = checkRandomCells(100, 2026);
    assert.ok(compared >= 40, `${compared} of 100 vertices were connected`);
  });
});

describe("compaction", () => {
  test("to a quarter of the multiply-adds makes VGG-16 at least two and a half times as fast", async () => {
    const { speedup, multiplyAdds } = await timeCompaction(vgg({ depth: 16, classes: 10 }), "vgg16", {
      batch: 16,
      rounds: 3,
    });
    assert.ok(multiplyAdds <= 0.25 && multiplyAdds > 0.24);
    assert.ok(speedup >= 2.5, `${speedup} times as fast in processor time`);
  });
});
