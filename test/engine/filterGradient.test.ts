import { before, describe, test } from "node:test";
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import fc from "fast-check";
import * as tf from "@tensorflow/tfjs";
import { Random, ready } from "../../lib/engine/index.js";
import { nativeBackend, ownKernels } from "../../lib/engine/native.js";
import { filterGradient } from "../../lib/engine/nativeKernels.js";
import { needs } from "../support.js";
import type { Geometry } from "./geometry.js";
import { nativeIsBuilt } from "./support.js";

/** How far the native gradient is from plain JavaScript's, beside the largest entry. */
async function distance({ batch, image, taps, channels, strides, padding }: Geometry): Promise<number> {
  const shape: [number, number, number, number] = [batch, ...image, channels[0]];
  const filterShape: [number, number, number, number] = [...taps, ...channels];
  const { outHeight, outWidth } = tf.backend_util.computeConv2DInfo(shape, filterShape, strides, 1, padding);
  const random = new Random(0, "filter gradient");
  const x = random.normals(tf.util.sizeFromShape(shape));
  const dy = random.normals(batch * outHeight * outWidth * channels[1]);
  const attributes = { strides, pad: padding, dataFormat: "NHWC", filterShape } as unknown as tf.NamedAttrMap &
    tf.Conv2DBackpropFilterAttrs;
  const gradient = async (backend: string): Promise<Float32Array> => {
    await tf.setBackend(backend);
    return tf.tidy(() => {
      const inputs = { x: tf.tensor4d(x, shape), dy: tf.tensor4d(dy, [batch, outHeight, outWidth, channels[1]]) };
      const native = ownKernels();
      const own = native && filterGradient(native, inputs.x, inputs.dy, attributes);
      const made = own ?? (tf.engine().runKernel(tf.Conv2DBackpropFilter, inputs, attributes) as tf.Tensor);
      assert.deepEqual(made.shape, filterShape);
      return made.dataSync<"float32">().slice();
    });
  };
  const [native, plain] = [await gradient("tensorflow"), await gradient("cpu")];
  const largest = plain.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return native.reduce((most, value, i) => Math.max(most, Math.abs(value - plain[i])), 0) / largest;
}

describe("the gradient of a convolution's filter", needs("the native engine", nativeIsBuilt(), "npm start"), () => {
  before(async () => assert.equal((await ready({ engine: "native" })).engine, "tensorflow"));

  test("has an op of the project's own on processors with AVX2 and FMA", () => {
    const processors = "/proc/cpuinfo";
    const flags = existsSync(processors) ? readFileSync(processors, "utf8") : "";
    const has = (flag: string): boolean => new RegExp(`\\b${flag}\\b`).test(flags);
    const { hasOwnKernels, hasAvx512 } = nativeBackend()!.binding;
    assert.deepEqual(
      { hasOwnKernels, hasAvx512 },
      { hasOwnKernels: has("avx2") && has("fma"), hasAvx512: has("avx512f") },
    );
  });

  test("is that of plain JavaScript, whatever the sizes, strides and padding", async () => {
    const extent = fc.integer({ min: 1, max: 9 });
    const taps = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }));
    const geometry = fc
      .record({
        batch: fc.integer({ min: 1, max: 4 }),
        image: fc.tuple(extent, extent),
        taps: taps.filter(([height, width]) => height * width > 1),
        channels: fc.tuple(
          fc.integer({ min: 1, max: 20 }),
          fc.oneof(fc.constantFrom(8, 16), fc.integer({ min: 1, max: 40 })),
        ),
        strides: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
        dilations: fc.constant<[number, number]>([1, 1]),
        padding: fc.constantFrom("same" as const, "valid" as const),
      })
      .filter(
        ({ image, taps: [height, width], padding }) => padding === "same" || (image[0] >= height && image[1] >= width),
      );
    await fc.assert(
      fc.asyncProperty(geometry, async (given) => {
        assert.ok((await distance(given)) < 1e-5);
      }),
      { numRuns: 100 },
    );
  });

  test("is the same where an image's rows or a batch's examples are taken in parts", async () => {
    const common = { strides: [1, 1], dilations: [1, 1], padding: "same" } satisfies Partial<Geometry>;
    const tall: Geometry = { ...common, batch: 1, image: [24, 80], taps: [3, 3], channels: [16, 24] };
    const many: Geometry = { ...common, batch: 140, image: [2, 2], taps: [1, 2], channels: [64, 64] };
    for (const given of [tall, many]) assert.ok((await distance(given)) < 1e-5);
  });
});
