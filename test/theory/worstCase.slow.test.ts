import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { worstCase } from "../../lib/theory/index.js";

describe("the worst case", () => {
  for (const update of ["mirror", "euler", "adaptive"] as const) {
    test(`a search for it doesn't refute the bound of ${update}, and comes near it`, (context) => {
      const found = [5, 20].map((steps) => worstCase({ update, steps, evaluations: 1500 }));
      const ratio = Math.max(...found.map((one) => one.ratio));
      context.diagnostic(`largest ratio found: ${ratio}`);
      assert.ok(ratio <= 1 + 1e-9);
      assert.ok(ratio > (update === "adaptive" ? 0.5 : 0.8));
    });
  }
});
