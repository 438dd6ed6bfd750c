import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Random } from "../../lib/engine/random.js";
import { effect } from "../../lib/statistics/index.js";
import { arm } from "./arm.js";

describe("coverage of the 95 % intervals", () => {
  const designs = [
    { searches: 5, controls: 5, paired: true, retrainings: 5, search: 1, retraining: 1, noise: 1 },
    { searches: 10, controls: 10, paired: true, retrainings: 5, search: 1, retraining: 0.5, noise: 1 },
    { searches: 5, controls: 24, paired: false, retrainings: 5, search: 1, retraining: 0.3, noise: 0.5 },
    { searches: 10, controls: 20, paired: false, retrainings: 5, search: 0.5, retraining: 1, noise: 1 },
    { searches: 5, controls: 1, paired: false, retrainings: 5, search: 1, retraining: 0.5, noise: 1 },
  ];
  for (const [index, design] of designs.entries()) {
    test(`${JSON.stringify(design)}: 93 to 97 %`, () => {
      const simulations = 2500;
      const truth = 1.5;
      let covered = 0;
      for (let i = 0; i < simulations; i++) {
        const random = new Random(i, "coverage", index);
        // Retraining shifts the two arms alike, and each a little by itself.
        const shared = random.normals(design.retrainings, 3);
        const own = (): Float32Array =>
          random.normals(design.retrainings, design.retraining).map((x, r) => x + shared[r]);
        const result = effect(
          arm(random, design.searches, own(), { mean: truth, search: design.search, noise: design.noise }),
          arm(random, design.controls, own(), { search: design.controls > 1 ? design.search : 0, noise: design.noise }),
          { resamples: 1000, paired: design.paired },
        );
        if (result.low <= truth && truth <= result.high) covered++;
      }
      const coverage = covered / simulations;
      assert.ok(coverage >= 0.93 && coverage <= 0.97, `${(100 * coverage).toFixed(1)} %`);
    });
  }
});
