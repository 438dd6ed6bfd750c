import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { ready } from "../../lib/engine/index.js";
import { checkRandomModels, selectors } from "./kinds.js";

describe("masked and compacted are the same network: 500 random models of 30 layers and more", () => {
  before(() => ready());

  for (const [kind, gates] of Object.entries(selectors)) {
    test(`${kind} gates`, () => {
      const compared = checkRandomModels(gates, 30, 100, 2026);
      assert.ok(compared >= 50, `${compared} of 100 vertices were connected`);
    });
  }
});
