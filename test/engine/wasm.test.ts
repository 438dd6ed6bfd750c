import { before, describe, test } from "node:test";
import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { Random, ready } from "../../lib/engine/index.js";
import { convolutionCases, depthwiseCases, fusedCases, paddedCases } from "./cases.js";
import { checkGradients, checkLeaks } from "./gradientCheck.js";

describe("WebAssembly gradients", () => {
  const cases = [...fusedCases, ...convolutionCases, ...paddedCases, ...depthwiseCases];

  before(async () => assert.equal((await ready({ engine: "wasm" })).engine, "wasm"));

  for (const c of cases) test(c.name, () => checkGradients("wasm", c));

  test("large products of a batch are the products of their matrices", () => {
    const a = tf.tensor3d(new Random(0, "a").normals(3 * 40 * 90), [3, 40, 90]);
    const b = tf.tensor3d(new Random(0, "b").normals(3 * 90 * 70), [3, 90, 70]);
    const product = tf.matMul(a, b).arraySync() as number[][][];
    const [left, right] = [a.arraySync(), b.arraySync()];
    for (const [i, rows] of product.entries()) {
      for (const [r, row] of rows.entries()) {
        for (const [c, value] of row.entries()) {
          const wanted = left[i][r].reduce((sum, x, k) => sum + x * right[i][k][c], 0);
          assert.ok(Math.abs(value - wanted) < 1e-4, `${value}, not ${wanted}`);
        }
      }
    }
    tf.dispose([a, b]);
  });

  test("leave no tensor behind", () => checkLeaks("wasm", cases));
});
