import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import fc from "fast-check";
import * as tf from "@tensorflow/tfjs";
import { compiled, Random, ready } from "../../lib/engine/index.js";
import { ownKernels } from "../../lib/engine/native.js";
import { entriesOf, kernelPlaces, sparseConvolution } from "../../lib/engine/sparseConvolution.js";
import { needs } from "../support.js";
import { byTaps, geometries, largest, type Geometry, wholeNumbers } from "./geometry.js";
import { nativeIsBuilt } from "./support.js";

/** How many of a kernel's entries are open, of a convolution. */
interface Case extends Geometry {
  readonly density: number;
}

/** How far output and gradients are from those of the masked kernel, relative to the largest of each, or to 1. */
function distances(given: Case): number[] {
  const { batch, image, channels, taps, strides, dilations, padding, density } = given;
  const random = new Random(0, "sparse convolution", JSON.stringify(given));
  const shape = [...taps, ...channels] as [number, number, number, number];
  const size = shape.reduce((product, extent) => product * extent, 1);
  const open = Float32Array.from({ length: size }, () => (random.uniform() < density ? 1 : 0));
  return tf.tidy(() => {
    const x = wholeNumbers(random, [batch, ...image, channels[0]]);
    // What closed entries hold mustn't matter.
    const kernel = wholeNumbers(random, shape);
    const mask = tf.tensor4d(open, shape);
    const places = kernelPlaces(open, shape);
    const own = (x: tf.Tensor, kernel: tf.Tensor): tf.Tensor =>
      sparseConvolution(x as tf.Tensor4D, kernel, places, { strides, padding, dilations });
    const whole = (x: tf.Tensor, kernel: tf.Tensor): tf.Tensor => byTaps(x, tf.mul(kernel, mask), given);
    const wanted = whole(x, kernel);
    const dy = wholeNumbers(random, wanted.shape);
    // The kernel whole, and its entries alone.
    const run = compiled((x, kernel, entries, dy) => [
      ...[own(x, kernel), ...tf.grads(own)([x, kernel], dy)],
      ...[own(x, entries), ...tf.grads(own)([x, entries], dy)],
    ]);
    const [dx, dkernel] = tf.grads(whole)([x, kernel], dy);
    const all = [...[wanted, dx, dkernel], ...[wanted, dx, entriesOf(dkernel, places)]];
    return run(x, kernel, entriesOf(kernel, places), dy).map((tensor, i) => {
      assert.deepEqual(tensor.shape, all[i].shape);
      return largest(tf.sub(tensor, all[i])) / Math.max(1, largest(all[i]));
    });
  });
}

describe("convolutions with few entries", needs("the native engine", nativeIsBuilt(), "npm start"), () => {
  before(async () => {
    await ready({ engine: "native" });
  });

  test("and their gradients are those of the masked kernel", (context) => {
    if (!ownKernels()) return context.skip("needs a processor with AVX2 and FMA");
    const cases = geometries.chain((geometry) =>
      fc.constantFrom(0.02, 0.3, 1).map((density): Case => ({ ...geometry, density })),
    );
    const close = (given: Case): void => {
      for (const distance of distances(given)) assert.ok(distance < 1e-5, `${distance}: ${JSON.stringify(given)}`);
    };
    fc.assert(fc.property(cases, close), { numRuns: 100 });
    // Several groups of examples for several threads.
    close({
      ...{ batch: 150, image: [16, 16], channels: [32, 48], taps: [3, 3] },
      ...{ strides: [1, 1], dilations: [1, 1], padding: "same", density: 0.05 },
    });
  });
});
