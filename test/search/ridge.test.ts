import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { Random, ready } from "../../lib/engine/index.js";
import { solvePositiveDefinite } from "../../lib/search/ridge.js";

describe("ridge regression", () => {
  before(() => ready());

  const normal = (address: string, shape: [number, number]): tf.Tensor2D =>
    tf.tensor2d(new Random(0, address).normals(shape[0] * shape[1]), shape);

  /** A positive definite matrix whose condition float32 alone wouldn't bear. */
  const matrix = (): tf.Tensor2D =>
    tf.tidy(() => {
      const root = normal("root", [6, 6]);
      return tf.add(tf.matMul(root, root, false, true), tf.mul(tf.eye(6), 1e-4)) as tf.Tensor2D;
    });

  test("solves its system", () => {
    const [a, b] = [matrix(), normal("right", [6, 3])];
    const residual = tf.sub(tf.matMul(a, solvePositiveDefinite(a, b)), b);
    assert.ok(tf.max(tf.abs(residual)).dataSync()[0] < 1e-4);
  });

  test("has the gradients of its solution, by finite differences", () => {
    const [a, b, readout] = [
      tf.add(matrix(), tf.eye(6)) as tf.Tensor2D,
      normal("right", [6, 3]),
      normal("readout", [6, 3]),
    ];
    const f = (m: tf.Tensor, r: tf.Tensor): tf.Scalar =>
      tf.sum(tf.mul(solvePositiveDefinite(m as tf.Tensor2D, r as tf.Tensor2D), readout));
    const gradients = tf.grads(f as (...given: tf.Tensor[]) => tf.Scalar)([a, b]);
    for (const [i, given] of [a, b].entries()) {
      // Along a symmetric direction, as the matrix stays one.
      const move = normal(`move ${i}`, given.shape);
      const direction = i === 0 ? (tf.add(move, tf.transpose(move)) as tf.Tensor2D) : move;
      const along = (size: number): number => {
        const moved = [a, b].map((each, j) => (i === j ? tf.add(each, tf.mul(direction, size)) : each));
        return f(moved[0], moved[1]).dataSync()[0];
      };
      const expected = (along(1e-2) - along(-1e-2)) / 2e-2;
      const found = tf.sum(tf.mul(gradients[i], direction)).dataSync()[0];
      assert.ok(Math.abs(found - expected) < 2e-2 * Math.max(1, Math.abs(expected)), `${found}, expected ${expected}`);
    }
  });

  test("gives no numbers where there is no solution", () => {
    const impossible = solvePositiveDefinite(tf.neg(tf.eye(3)) as tf.Tensor2D, tf.ones([3, 1]));
    assert.ok(impossible.dataSync().every((value) => !Number.isFinite(value)));
  });

  test("leaves no tensor behind", () => {
    const [a, b] = [matrix(), normal("right", [6, 3])];
    const start = tf.memory().numTensors;
    for (let i = 0; i < 3; i++) solvePositiveDefinite(a, b).dispose();
    assert.equal(tf.memory().numTensors, start);
  });
});
