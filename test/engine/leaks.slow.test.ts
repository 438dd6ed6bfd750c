import { before, describe, test } from "node:test";
import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import * as tf from "@tensorflow/tfjs";
import { nativeBackend } from "../../lib/engine/native.js";
import { cnn, type Dataset, mlp, ready, search, searchSpace } from "../../lib/index.js";
import { planted } from "../planted.js";
import { needs } from "../support.js";
import { nativeIsBuilt } from "./support.js";

/** Vectors of 64 values, three classes, seen as images. */
function plantedImages(): Dataset {
  const data = planted(0, 64, [1, 4, 10], 3);
  return Object.assign(Object.create(Object.getPrototypeOf(data) as object), data, {
    inputShape: [8, 8, 1],
  }) as Dataset;
}

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
    const images = plantedImages();
    const model = cnn({ inputShape: [8, 8, 1], filters: [4], dense: 8, classes: 3, batchNorm: true });
    const space = searchSpace(model, { gates: "unit" });
    const advance = (): void => {
      const run = search(space, images, { steps: 10, batch: 8 });
      for (let step = 0; step < 10; step++) run.advance();
      run.dispose();
    };
    advance();
    const count = tf.memory().numTensors;
    advance();
    assert.equal(tf.memory().numTensors, count);
  });
});

describe("a search leaves no native memory behind", needs("the native engine", nativeIsBuilt(), "npm start"), () => {
  before(() => ready({ engine: "tensorflow" }));

  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;

  /** Bytes that native code holds once it has been told, in callbacks, of all that JavaScript let go. */
  async function allocated(): Promise<number | undefined> {
    for (let pass = 0; pass < 2; pass++) {
      collect();
      await setImmediate();
    }
    return nativeBackend()!.binding.allocatedBytes();
  }

  const images = plantedImages();
  const searches = {
    "a perceptron's weights": () =>
      search(
        searchSpace(mlp({ inputShape: [64], hidden: [300], classes: 3 }), { gates: "weight" }),
        planted(0, 64, [1, 4, 10], 3),
        { steps: 4000, batch: 16 },
      ),
    "a convolutional network's units": () =>
      search(
        searchSpace(cnn({ inputShape: [8, 8, 1], filters: [8, 8], dense: 8, classes: 3, batchNorm: true }), {
          gates: "unit",
        }),
        images,
        { steps: 4000, batch: 16 },
      ),
  };
  for (const [name, begin] of Object.entries(searches)) {
    test(`that selects ${name}`, async (context) => {
      const run = begin();
      const after = async (steps: number): Promise<number | undefined> => {
        for (let step = 0; step < steps; step++) run.advance();
        return allocated();
      };
      const first = await after(512);
      if (first === undefined) return context.skip("this C library doesn't tell");
      // An allocation of 64 bytes a step would leave 80 KiB; V8 compiles a function now and then, for a while.
      const later = [await after(1280), await after(64), await after(64)].map((bytes) => bytes! - first);
      assert.ok(Math.min(...later) < 64 << 10, `${later} bytes more`);
      run.dispose();
    });
  }
});
