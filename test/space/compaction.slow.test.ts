import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { ready } from "../../lib/engine/index.js";
import { cellStages, invarianceStages, mobilenet, operationNetwork, vgg } from "../../lib/models/index.js";
import { checkCompaction } from "./compactionProperty.js";
import { checkRandomCells, checkRandomModels, selectors } from "./kinds.js";

describe("masked and compacted are the same network", () => {
  before(() => ready());

  for (const kind of ["input", "weight", "unit", "block"]) {
    test(`random models with ${kind} gates`, () => {
      const compared = checkRandomModels(selectors[kind], 10, 10, 1);
      assert.ok(compared >= 5, `${compared} of 10 vertices were connected`);
    });
  }

  test("VGG and MobileNet with unit gates", () => {
    assert.ok(checkCompaction(vgg({ depth: 11, classes: 3, width: 1 / 16 }), "unit", 0.7, 1));
    const mobile = mobilenet({ inputShape: [16, 16, 3], classes: 3, width: 1 / 8 });
    // 27 normalisations over the batch, one after another: the last bit of the input alone moves the output by 6e-6.
    assert.ok(checkCompaction(mobile, "unit", 0.8, 1, { trainingTolerance: 1e-4 }));
  });

  test("networks of operations", () => {
    const cell = operationNetwork({ inputShape: [10, 10, 1], classes: 3, stages: cellStages(4) });
    const invariances = operationNetwork({ inputShape: [10, 10, 1], classes: 3, stages: invarianceStages() });
    let compared = 0;
    // The slope of the signed root of values near 0 magnifies rounding.
    const options = { gradientTolerance: 1e-3 };
    for (let seed = 0; seed < 4; seed++) {
      compared += checkCompaction(cell, "op", 0.5, seed, options) ? 1 : 0;
      compared += checkCompaction(invariances, "op", 0.5, seed, options) ? 1 : 0;
    }
    assert.ok(compared >= 3, `${compared} of 8 vertices were connected`);
  });
});

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
