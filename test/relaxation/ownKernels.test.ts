import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { Random, ready } from "../../lib/engine/index.js";
import { nativeBackend } from "../../lib/engine/native.js";
import { relaxationSettings, type RelaxationState } from "../../lib/relaxation/index.js";
import { TensorRelaxation } from "../../lib/relaxation/tensorRelaxation.js";
import { nativeIsBuilt } from "../engine/support.js";
import { needs } from "../support.js";

/** Where the default relaxation is after some steps of random gradients, by the project's own ops or by TensorFlow's. */
function reached(gateCount: number, own: boolean): RelaxationState {
  const { binding } = nativeBackend()!;
  Object.defineProperty(binding, "hasOwnKernels", { value: own, configurable: true, writable: true });
  const initialLogits = Float64Array.from(new Random(0, "logits").uniforms(gateCount, -2, 2));
  const relaxation = new TensorRelaxation(relaxationSettings({ gateCount, initialLogits }));
  for (let step = 0; step < 11; step++) {
    tf.tidy(() => relaxation.step(tf.tensor1d(new Random(step, "gradient").normals(gateCount))));
  }
  const state = relaxation.save();
  relaxation.dispose();
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
    for (const gateCount of [8, 512, 1_000, 266_200]) {
      assert.deepEqual(reached(gateCount, true), reached(gateCount, false), `${gateCount} gates`);
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
});
