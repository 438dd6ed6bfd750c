import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { compareEstimators } from "../../lib/theory/index.js";

describe("the comparison of estimators", () => {
  test("scores every estimator, and finds the drawn gates noisier than the relaxed ones", async () => {
    const scores = await compareEstimators({ seeds: 4, tuningSeeds: 2, steps: 60, stepSizes: [0.03] });
    assert.equal(scores.length, 8);
    for (const { hitRate, gap, noise, steps } of scores) {
      for (const { low, value, high } of [hitRate, steps ?? hitRate]) assert.ok(low <= value && value <= high);
      assert.equal(steps === undefined, hitRate.value === 0);
      assert.ok(gap.value >= 0 && noise.value > 0);
    }
    const noise = Object.fromEntries(scores.map((score) => [score.estimator, score.noise.value]));
    assert.ok(noise.reinforce > 5 * noise["two-temperature"]);
    assert.ok(noise["gumbel-sigmoid"] > 5 * noise["two-temperature"]);
  });
});
