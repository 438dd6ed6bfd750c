import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { Random, ready } from "../../lib/engine/index.js";
import { cnn, mlp } from "../../lib/models/index.js";
import { type SearchSpace, searchSpace } from "../../lib/space/index.js";
import { checkRelaxedGradient, checkRelaxedModels, relaxedCount, selectors } from "./kinds.js";

describe("the relaxed count", () => {
  before(() => ready());

  test(`is the count at vertices: random models with mixed gates`, () => {
    const compared = checkRelaxedModels(selectors.mixed);
    assert.ok(compared >= 3, `${compared} of 10 were compared`);
  });

  test("is multilinear between vertices where no layer starves", () => {
    const near = (space: SearchSpace, gates: Float32Array, expected: number): void => {
      const relaxed = relaxedCount(space, gates, "parameters");
      assert.ok(Math.abs(relaxed / expected - 1) < 1e-3, `${relaxed} is not ${expected}`);
    };
    const model = mlp({ inputShape: [20], hidden: [30], classes: 4 });
    const sum = (gates: Float32Array): number => gates.reduce((total, gate) => total + gate, 0);
    const inputs = new Random(1).uniforms(20, 0.3, 0.9);
    near(searchSpace(model, { gates: "input" }), inputs, 30 * sum(inputs) + 30 + 30 * 4 + 4);
    const units = new Random(2).uniforms(30, 0.3, 0.9);
    near(searchSpace(model, { gates: "unit" }), units, (20 + 1 + 4) * sum(units) + 4);
  });

  test("has the gradient that differences give: a small network", () => {
    checkRelaxedGradient(cnn({ inputShape: [6, 6, 1], filters: [4], dense: 5, classes: 2 }));
  });

  test("leaves no tensor behind", () => {
    const space = searchSpace(mlp({ inputShape: [4], hidden: [3], classes: 2 }), { gates: "weight" });
    const before = tf.memory().numTensors;
    relaxedCount(space, new Float32Array(space.gateCount).fill(0.5), "multiplyAdds");
    assert.equal(tf.memory().numTensors, before);
  });
});
