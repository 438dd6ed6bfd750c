import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import fc from "fast-check";
import * as tf from "@tensorflow/tfjs";
import { Random, ready } from "../../lib/engine/index.js";
import { needs } from "../support.js";
import { byTaps, geometries, largest, type Geometry, wholeNumbers } from "./geometry.js";
import { nativeIsBuilt } from "./support.js";

type Convolve = (x: tf.Tensor, kernel: tf.Tensor) => tf.Tensor;

/** How a program comes to a convolution: as an op, and as a layer with and without bias and activation. */
const ways: Readonly<Record<string, (geometry: Geometry) => { convolve: Convolve; relu: boolean }>> = {
  "an op": ({ strides, padding, dilations }) => ({
    convolve: (x, kernel) => tf.conv2d(x as tf.Tensor4D, kernel as tf.Tensor4D, strides, padding, "NHWC", dilations),
    relu: false,
  }),
  "a layer": (geometry) => layer(geometry, false, "linear"),
  "a layer with bias": (geometry) => layer(geometry, true, "linear"),
  "a layer with bias and activation": (geometry) => layer(geometry, true, "relu"),
};

function layer(
  { strides, padding, dilations, channels }: Geometry,
  useBias: boolean,
  activation: "linear" | "relu",
): { convolve: Convolve; relu: boolean } {
  const bias = useBias ? tf.zeros([channels[1]]) : undefined;
  const convolve: Convolve = (x, filter) =>
    tf.fused.conv2d({
      ...{ x: x as tf.Tensor4D, filter: filter as tf.Tensor4D, bias, activation },
      ...{ strides, pad: padding, dilations },
    });
  return { convolve, relu: activation === "relu" };
}

/** How far output and gradients are from those by taps, relative to the largest of each, or to 1. */
function distances(given: Geometry, way: string): number[] {
  const { batch, image, channels, taps } = given;
  return tf.tidy(() => {
    const random = new Random(0, "convolution", JSON.stringify(given));
    const x = wholeNumbers(random, [batch, ...image, channels[0]]);
    const kernel = wholeNumbers(random, [...taps, ...channels]);
    const { convolve, relu } = ways[way](given);
    const plain: Convolve = (x, kernel) => (relu ? tf.relu(byTaps(x, kernel, given)) : byTaps(x, kernel, given));
    const wanted = plain(x, kernel);
    const dy = wholeNumbers(random, wanted.shape);
    const reference = [wanted, ...tf.grads(plain)([x, kernel], dy)];
    // Outside of a gradient, layers run another op.
    return [convolve(x, kernel), ...tf.grads(convolve)([x, kernel], dy)].map((tensor, i) => {
      assert.deepEqual(tensor.shape, reference[i].shape);
      return largest(tf.sub(tensor, reference[i])) / Math.max(1, largest(reference[i]));
    });
  });
}

describe("convolutions", needs("the native engine", nativeIsBuilt(), "npm start"), () => {
  before(async () => {
    await ready({ engine: "native" });
  });

  /** One position wide, and a stride of the width: oneDNN's own is wrong there, with one channel and AVX-512. */
  const narrow = fc
    .record({ geometry: geometries, width: fc.integer({ min: 2, max: 4 }), stride: fc.integer({ min: 2, max: 3 }) })
    .map(({ geometry, width, stride }): Geometry => ({
      ...geometry,
      image: [geometry.image[0] + 4, width],
      channels: [1, geometry.channels[1]],
      taps: [geometry.taps[0], width],
      strides: [1, stride],
      dilations: [1, 1],
      padding: "valid",
    }));
  /** So are gradients of these filters, which are computed by convolutions like that. */
  const dilated = geometries.map((geometry): Geometry => ({
    ...geometry,
    batch: 1,
    image: [geometry.image[0] + 3, geometry.image[1] + 3],
    taps: [geometry.taps[0], 1],
    strides: [1, 1],
    dilations: [1, 3],
  }));
  const kinds = { "of random geometry": geometries, "to one column": narrow, "of a dilated column": dilated };

  for (const way of Object.keys(ways)) {
    for (const [kind, cases] of Object.entries(kinds)) {
      test(`${kind}, by ${way}, and their gradients are sums of products`, () => {
        const close = (given: Geometry): void => {
          for (const distance of distances(given, way)) assert.ok(distance < 1e-5, `${distance}`);
        };
        fc.assert(fc.property(cases, close), { numRuns: 40 });
      });
    }
  }
});
