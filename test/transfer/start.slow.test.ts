import assert from "node:assert/strict";
import { test } from "node:test";
import { baselines, mlp, searchSpace, transfer } from "../../lib/index.js";
import { openDigits } from "./digits.js";

test("a comparison takes arms that bring weights and models of their own", async () => {
  const { target, seen, heldOut } = await openDigits();
  const space = searchSpace(mlp({ inputShape: [8, 8, 1], hidden: [24, 16], classes: 5 }), { gates: "weight" });
  const learned = [0, 1].map((seed) =>
    space.keepLargest(
      Float64Array.from({ length: space.gateCount }, (_, i) => (i * (7 + seed)) % 101),
      0.3,
    ),
  );
  const names = ["magnitude-kept", "small-parameters", "fine-tuned", "linear-probe", "gumbel-sigmoid"];
  const result = await transfer(space, learned, target, {
    source: seen,
    heldOut,
    shots: [2],
    retrainings: 2,
    randomCount: 2,
    steps: 20,
    tuningTasks: 1,
    learningRates: [0.01],
    training: { steps: 60, batch: 32, stepSize: 0.01 },
    arms: names.map((name) => baselines[name]),
  });
  assert.deepEqual(
    result.arms.map(({ name }) => name),
    ["learned", ...names.slice(0, -1)],
  );
  // These architectures weren't searched, so that no other estimator can repeat their search.
  assert.deepEqual(
    result.refused.map(({ arm }) => arm),
    ["gumbel-sigmoid"],
  );
  const parameters = (arm: string): number => result.records.find((record) => record.arm === arm)!.parameters;
  assert.ok(Math.abs(parameters("small-parameters") - parameters("learned")) < 0.2 * parameters("learned"));
});
