import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { gateGradientOfWeights } from "../../lib/engine/gateGradient.js";
import { Random, ready } from "../../lib/engine/index.js";
import { nativeBackend } from "../../lib/engine/native.js";
import { relaxationSettings, type RelaxationState } from "../../lib/relaxation/index.js";
import { TensorRelaxation } from "../../lib/relaxation/tensorRelaxation.js";
import { nativeIsBuilt } from "../engine/support.js";
import { needs } from "../support.js";

/** Where the default relaxation is after some steps of random gradients, by the project's own ops or by TensorFlow's. */
function reached(gateCount: number, own: boolean): RelaxationState {
  const { binding } = nativeBackend()!;
  const has = (value: boolean): unknown =>
    Object.defineProperty(binding, "hasOwnKernels", { value, configurable: true, writable: true });
  has(own);
  const initialLogits = Float64Array.from(new Random(0, "logits").uniforms(gateCount, -2, 2));
  const relaxation = new TensorRelaxation(relaxationSettings({ gateCount, initialLogits }));
  for (let step = 0; step < 11; step++) {
    tf.tidy(() => relaxation.step(tf.tensor1d(new Random(step, "gradient").normals(gateCount))));
  }
  const state = relaxation.save();
  relaxation.dispose();
  has(true);
  return state;
}

describe("the project's own ops", needs("the native engine", nativeIsBuilt(), "npm start"), () => {
  let hasOwnKernels: boolean;
  before(async () => {
    await ready({ engine: "native" });
    ({ hasOwnKernels } = nativeBackend()!.binding);
  });

  test("move gates and add up as TensorFlow's do, to the bit", (t) => {
    if (!hasOwnKernels) return t.skip("this processor has none");
    for (const gateCount of [8, 512, 1_000, 266_200, 530_000]) {
      const [own, others] = [reached(gateCount, true), reached(gateCount, false)];
      for (const key of ["squares", "largest"] as const) {
        const sums = [own, others].map(({ accumulators }) => accumulators[key]);
        assert.ok(Math.abs(sums[0] / sums[1] - 1) < 1e-6, `${key} of ${gateCount} gates: ${sums.join(", ")}`);
      }
      // The size of a whole gradient is summed in another order.
      const { squares, largest } = others.accumulators;
      const alike = { ...own, accumulators: { ...own.accumulators, squares, largest } };
      assert.deepEqual(alike, others, `${gateCount} gates`);
    }
  });

  test("take any number of gates", (t) => {
    if (!hasOwnKernels) return t.skip("this processor has none");
    for (const gateCount of [1, 7, 1_025, 70_001]) {
      const [own, others] = [reached(gateCount, true), reached(gateCount, false)];
      const vectors = ({ logits, memory, pending }: RelaxationState): ArrayLike<number>[] => [
        logits,
        ...memory,
        pending!.products,
        pending!.vector,
      ];
      for (const [v, vector] of vectors(own).entries()) {
        for (let i = 0; i < gateCount; i++) {
          const other = vectors(others)[v][i];
          assert.ok(Math.abs(vector[i] - other) <= 1e-6 * Math.max(1, Math.abs(other)), `gate ${i} of ${gateCount}`);
        }
      }
    }
  });

  test("leave everything as it is for a gradient that is too large by less than float32 can tell", (t) => {
    if (!hasOwnKernels) return t.skip("this processor has none");
    const relaxation = new TensorRelaxation(relaxationSettings({ gateCount: 2 }));
    const before = relaxation.save();
    const gradient = tf.tensor1d([1e18, 2.5e14]);
    assert.throws(() => relaxation.step(gradient), { code: "relaxation/not-finite" });
    assert.deepEqual(relaxation.save(), before);
    relaxation.dispose();
    gradient.dispose();
  });

  test("multiply gradients of weights as TensorFlow's do, to the bit", (t) => {
    if (!hasOwnKernels) return t.skip("this processor has none");
    for (const sizes of [[1], [8, 3, 17], [1728, 36_864, 5, 600_000]]) {
      tf.tidy(() => {
        const drawn = (what: string): tf.Tensor1D[] =>
          sizes.map((size, layer) => tf.tensor1d(new Random(layer, what).normals(size)));
        const [gradients, weights] = [drawn("gradients"), drawn("weights")];
        const factors = sizes.map((_, layer) => tf.scalar(1.1 + layer));
        const wanted = tf.concat(gradients.map((g, layer) => tf.mul(tf.mul(g, weights[layer]), factors[layer])));
        const found = gateGradientOfWeights(gradients, weights, factors)!;
        assert.deepEqual(found.dataSync(), wanted.dataSync(), `${sizes.join(", ")} weights`);
      });
    }
  });
});
