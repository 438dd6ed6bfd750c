import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { Random, ready } from "../../lib/engine/index.js";
import { nativeBackend, uploaded } from "../../lib/engine/native.js";
import { updates } from "../../lib/relaxation/index.js";
import { nativeIsBuilt } from "../engine/support.js";
import { needs } from "../support.js";

const settings = { hot: 0.8, bound: 1.5, stepSize: 1 };

/** Logits and memory after a few steps of random gradients, by the project's own op or by TensorFlow's. */
function moved(gateCount: number, own: boolean): Float32Array[] {
  const { binding } = nativeBackend()!;
  Object.defineProperty(binding, "hasOwnKernels", { value: own, configurable: true, writable: true });
  const random = new Random(0, "adaptive update");
  const start = Float64Array.from(random.uniforms(gateCount, -settings.bound, settings.bound));
  const gradients = Array.from({ length: 5 }, () => random.normals(gateCount));
  return tf.tidy(() => {
    let state = [start, ...updates.adaptive.tensorMemory(start, settings.hot)].map((vector) => uploaded(vector));
    for (const gradient of gradients) {
      const [logits, ...memory] = state;
      const pulls = (): never => assert.fail("the adaptive update moves by the gates' gradient");
      state = updates.adaptive.moveTensors(logits, memory, uploaded(gradient), pulls, settings, []);
    }
    return state.map((vector) => vector.dataSync<"float32">().slice());
  });
}

describe("the adaptive update's own op", needs("the native engine", nativeIsBuilt(), "npm start"), () => {
  let hasOwnKernels: boolean;
  before(async () => {
    await ready({ engine: "native" });
    ({ hasOwnKernels } = nativeBackend()!.binding);
  });

  test("gives the bits of TensorFlow's ops", (t) => {
    if (!hasOwnKernels) return t.skip("this processor has no kernels of our own");
    for (const gateCount of [8, 512, 1_000, 266_200]) {
      assert.deepEqual(moved(gateCount, true), moved(gateCount, false), `${gateCount} gates`);
    }
  });

  test("takes any number of gates", (t) => {
    if (!hasOwnKernels) return t.skip("this processor has no kernels of our own");
    for (const gateCount of [1, 7, 513, 70_001]) {
      const [own, others] = [moved(gateCount, true), moved(gateCount, false)];
      own.forEach((vector, v) =>
        vector.forEach((value, i) => {
          const other = others[v][i];
          assert.ok(Math.abs(value - other) <= 1e-6 * Math.max(1, Math.abs(other)), `gate ${i} of ${gateCount}`);
        }),
      );
    }
  });
});
