import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { predictions } from "../../lib/experiments/predictors.js";
import { Random } from "../../lib/engine/random.js";

const names = ["a", "b", "c", "d", "e", "f"];

/** Leads and overlaps of every pair, the leads made from a rule and noise. */
function made(rule: (self: number, overlap: number) => number, noise: number) {
  const random = new Random(3, "predictors");
  const self = new Map(names.map((name) => [name, 10 * random.uniform()]));
  const overlaps = names.flatMap((source, i) =>
    names.slice(i).map((other) => ({ source, other_source: other, shared: random.uniform(), chance: 0.1 })),
  );
  const effects = names.flatMap((source) =>
    names.map((target) => {
      const shared = overlaps.find(
        (row) => [row.source, row.other_source].sort().join() === [source, target].sort().join(),
      )!;
      const lead = source === target ? self.get(source)! : rule(self.get(source)!, shared.shared);
      const effect = source === target ? lead : lead + noise * (random.uniform() - 0.5);
      return { source, target, effect, low: 0, high: 0, density: 0.05, shots: 5, control: "random" };
    }),
  );
  return predictions(effects, overlaps);
}

describe("predictors of transfer", () => {
  test("find the rule that the leads were made by, and only that", () => {
    const [, self, overlap] = made((own) => 2 + 0.7 * own, 0.5);
    assert.equal(self.pairs, 30);
    assert.ok(self.error < 0.5 && self.low > 0, JSON.stringify(self));
    assert.ok(overlap.low < 0, JSON.stringify(overlap));
    const other = made((_, shared) => 8 * shared, 0.5);
    assert.ok(other[2].error < 0.5 && other[2].low > 0);
    assert.ok(other[1].low < 0);
  });

  test("find nothing in noise, and the mean gains nothing over itself", () => {
    const [mean, self, overlap] = made(() => 5, 4);
    assert.deepEqual([mean.gain, mean.low, mean.high], [0, 0, 0]);
    assert.ok(self.low < 0 && overlap.low < 0, JSON.stringify([self, overlap]));
  });

  test("foretell nothing from fewer than two pairs", () => {
    assert.deepEqual(predictions([], []), []);
    const row = { source: "a", target: "a", effect: 1, low: 0, high: 2, density: 0.05, shots: 5, control: "random" };
    const overlap = { source: "a", other_source: "b", shared: 0.5, chance: 0.1 };
    assert.deepEqual(predictions([row, { ...row, target: "b" }], [overlap]), []);
  });
});
