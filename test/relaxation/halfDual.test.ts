import { before, describe, test } from "node:test";
import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { ready } from "../../lib/engine/index.js";
import { mirrorInverse } from "../../lib/relaxation/mirrorMap.js";
import { halfDual, halfInverse, nearEnough } from "../../lib/relaxation/updates/halfDual.js";

describe("the mirror's inverse in tensors", () => {
  before(() => ready());

  for (const hot of [0.3, 1]) {
    test(`is float32's for logits up to eight hot temperatures, from afar and from near, at ${hot}`, () => {
      const logits = Float64Array.from({ length: 4001 }, (_, i) => (8 * hot * (i - 2000)) / 2000);
      const dual = Float32Array.from(halfDual(logits, hot));
      // Of the rounded dual variables, and of some that a step could have come from.
      const inverse = (move: (i: number) => number): number[] =>
        Array.from(dual, (q, i) => mirrorInverse(4 * hot * hot * (q + move(i)), hot));
      const wanted = inverse(() => 0);
      const near = tf.tensor1d(inverse((i) => nearEnough * Math.sin(i)));
      for (const start of [undefined, { logits: near, move: nearEnough }]) {
        const found = halfInverse(tf.tensor1d(dual), hot, start).dataSync();
        const most = Math.max(...wanted.map((x, i) => Math.abs(x - found[i])));
        // Float32 numbers there are up to 8e-7 hot temperatures apart.
        assert.ok(most < 1.5e-6 * hot, `off by ${most / hot} hot temperatures${start ? " from near" : ""}`);
      }
    });
  }
});
