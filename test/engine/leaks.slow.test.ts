import { before, describe, test } from "node:test";
import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { cnn, mlp, ready, search, searchSpace } from "../../lib/index.js";
import { planted } from "../planted.js";

describe("a search leaves no tensor behind", () => {
  before(() => ready());

  for (const weights of ["reset", "resample", "episode"] as const) {
    test(`with ${weights} weights`, () => {
      const data = planted(0, 12, [1, 4, 10], 3);
      const model = mlp({ inputShape: [12], hidden: [8], classes: 3 });
      // Episodes solve for the head, whose weights have no gates then.
      const gates = weights === "episode" ? "input" : "weight";
      const run = search(searchSpace(model, { gates }), data, {
        weights,
        steps: 200,
        redrawEvery: 7,
        seed: 1,
      });
      for (let step = 0; step < 64; step++) run.advance();
      const count = tf.memory().numTensors;
      for (let step = 0; step < 64; step++) run.advance();
      assert.equal(tf.memory().numTensors, count);
      run.dispose();
    });
  }

  test("and its model's tensors are all that is left when it is disposed of", () => {
    const data = planted(0, 64, [1, 4, 10], 3);
    const model = cnn({ inputShape: [8, 8, 1], filters: [4], dense: 8, classes: 3, batchNorm: true });
    const images = Object.assign(Object.create(Object.getPrototypeOf(data) as object), data, { inputShape: [8, 8, 1] });
    const space = searchSpace(model, { gates: "unit" });
    const advance = (): void => {
      const run = search(space, images as typeof data, { steps: 10, batch: 8 });
      for (let step = 0; step < 10; step++) run.advance();
      run.dispose();
    };
    advance();
    const count = tf.memory().numTensors;
    advance();
    assert.equal(tf.memory().numTensors, count);
  });
});
