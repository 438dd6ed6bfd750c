import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import fc from "fast-check";
import * as tf from "@tensorflow/tfjs";
import { compiled, Random, ready } from "../../lib/engine/index.js";
import { ownKernels } from "../../lib/engine/native.js";
import { entriesOf, kernelPlaces, sparseConvolution } from "../../lib/engine/sparseConvolution.js";
import { needs } from "../support.js";
import { nativeIsBuilt } from "./support.js";

interface Case {
  readonly batch: number;
  readonly image: [number, number];
  readonly channels: [number, number];
  readonly taps: [number, number];
  readonly strides: [number, number];
  readonly dilations: [number, number];
  readonly padding: "valid" | "same";
  readonly density: number;
}

/**
 * A convolution as products of shifted images with the taps of its kernel. TensorFlow's own is no reference: oneDNN's gradients are wrong
 * for a filter of one tap in a direction whose dilation or stride isn't 1.
 */
function byTaps(x: tf.Tensor, kernel: tf.Tensor, { taps, strides, dilations, padding }: Case): tf.Tensor {
  const shape = kernel.shape as [number, number, number, number];
  const info = tf.backend_util.computeConv2DInfo(x.shape as typeof shape, shape, strides, dilations, padding);
  const { top, bottom, left, right } = info.padInfo;
  const padded = tf.pad(x, [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ]);
  const products: tf.Tensor[] = [];
  for (let down = 0; down < taps[0]; down++) {
    for (let across = 0; across < taps[1]; across++) {
      const at = (count: number, stride: number, first: number): number[] =>
        Array.from({ length: count }, (_, i) => i * stride + first);
      const rows = tf.gather(padded, at(info.outHeight, strides[0], down * dilations[0]), 1);
      const seen = tf.gather(rows, at(info.outWidth, strides[1], across * dilations[1]), 2);
      const tap = tf.reshape(tf.slice(kernel, [down, across, 0, 0], [1, 1, -1, -1]), shape.slice(2));
      products.push(tf.matMul(tf.reshape(seen, [-1, shape[2]]), tap as tf.Tensor2D));
    }
  }
  return tf.reshape(tf.addN(products), info.outShape);
}

/** How far output and gradients are from those of the masked kernel, relative to the largest of each, or to 1. */
function distances(given: Case): number[] {
  const { batch, image, channels, taps, strides, dilations, padding, density } = given;
  const random = new Random(0, "sparse convolution", JSON.stringify(given));
  const shape = [...taps, ...channels] as [number, number, number, number];
  const size = shape.reduce((product, extent) => product * extent, 1);
  const open = Float32Array.from({ length: size }, () => (random.uniform() < density ? 1 : 0));
  return tf.tidy(() => {
    const x = tf.tensor4d(random.normals(batch * image[0] * image[1] * channels[0]), [batch, ...image, channels[0]]);
    // What closed entries hold mustn't matter.
    const kernel = tf.tensor4d(random.normals(size), shape);
    const mask = tf.tensor4d(open, shape);
    const places = kernelPlaces(open, shape);
    const own = (x: tf.Tensor, kernel: tf.Tensor): tf.Tensor =>
      sparseConvolution(x as tf.Tensor4D, kernel, places, { strides, padding, dilations });
    const whole = (x: tf.Tensor, kernel: tf.Tensor): tf.Tensor => byTaps(x, tf.mul(kernel, mask), given);
    const wanted = whole(x, kernel);
    const dy = tf.tensor(random.normals(wanted.size), wanted.shape);
    // The kernel whole, and its entries alone.
    const run = compiled((x, kernel, entries, dy) => [
      ...[own(x, kernel), ...tf.grads(own)([x, kernel], dy)],
      ...[own(x, entries), ...tf.grads(own)([x, entries], dy)],
    ]);
    const [dx, dkernel] = tf.grads(whole)([x, kernel], dy);
    const all = [...[wanted, dx, dkernel], ...[wanted, dx, entriesOf(dkernel, places)]];
    return run(x, kernel, entriesOf(kernel, places), dy).map((tensor, i) => {
      assert.deepEqual(tensor.shape, all[i].shape);
      const largest = (of: tf.Tensor): number => Math.max(0, tf.max(tf.abs(of)).dataSync()[0]);
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
    const pair = (most: number): fc.Arbitrary<[number, number]> =>
      fc.tuple(fc.integer({ min: 1, max: most }), fc.integer({ min: 1, max: most }));
    // TensorFlow takes no strides together with dilations.
    const moves = fc.oneof(
      fc.record({ strides: pair(3), dilations: fc.constant<[number, number]>([1, 1]) }),
      fc.record({ strides: fc.constant<[number, number]>([1, 1]), dilations: pair(3) }),
    );
    const cases = fc
      .record({
        batch: fc.integer({ min: 1, max: 70 }),
        image: pair(15),
        channels: pair(12),
        taps: pair(4),
        moves,
        padding: fc.constantFrom("valid" as const, "same" as const),
        density: fc.constantFrom(0.02, 0.3, 1),
      })
      .map(({ moves, ...rest }): Case => ({ ...rest, ...moves }))
      .filter(
        ({ padding, image, taps, dilations }) =>
          padding === "same" || image.every((extent, axis) => extent > (taps[axis] - 1) * dilations[axis]),
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
