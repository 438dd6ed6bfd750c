import { before, describe, test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import * as tf from "@tensorflow/tfjs";
import { batchNorm, Random, ready } from "../../lib/engine/index.js";
import { needs } from "../support.js";
import { nativeIsBuilt } from "./support.js";

const epsilon = 1e-3;

/** Output, mean and unbiased variance in float64. */
function reference(x: Float32Array, scale: Float32Array, offset: Float32Array, relu: boolean): number[][] {
  const channels = scale.length;
  const rows = x.length / channels;
  const over = (of: (value: number, channel: number) => number): number[] =>
    Array.from(scale, (_, c) => {
      let sum = 0;
      for (let row = 0; row < rows; row++) sum += of(x[row * channels + c], c);
      return sum / rows;
    });
  const mean = over((value) => value);
  const variance = over((value, c) => (value - mean[c]) ** 2);
  const output = Array.from(x, (value, i) => {
    const c = i % channels;
    const normalised = (scale[c] * (value - mean[c])) / Math.sqrt(variance[c] + epsilon) + offset[c];
    return relu ? Math.max(0, normalised) : normalised;
  });
  return [output, mean, variance.map((value) => (value * rows) / Math.max(1, rows - 1))];
}

describe("batch normalisation", needs("the native engine", nativeIsBuilt(), "npm start"), () => {
  before(async () => assert.equal((await ready({ engine: "native" })).engine, "tensorflow"));

  const check = (rows: number, channels: number, center: number, relu: boolean, seed: number): void => {
    const random = new Random(seed, "batch norm");
    const x = random.normals(rows * channels).map((value) => center + value);
    const [scale, offset] = [random.normals(channels), random.normals(channels)];
    const expected = reference(x, scale, offset, relu);
    tf.tidy(() => {
      const made = batchNorm(tf.tensor2d(x, [rows, channels]), tf.tensor1d(scale), tf.tensor1d(offset), epsilon, {
        relu,
      });
      [made.output, made.mean, made.variance].forEach((tensor, i) => {
        // As float32 has the values, of which only differences count.
        const error = 1e-5 * (1 + Math.abs(center));
        tensor.dataSync().forEach((value, j) => {
          const wanted = expected[i][j];
          assert.ok(Math.abs(value - wanted) <= error * (1 + Math.abs(wanted)), `${i}, ${j}: ${value}, not ${wanted}`);
        });
      });
    });
  };

  test("gives output, mean and variance of the batch, for any number of channels", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 700 }),
        fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(8, 16, 24, 32, 40, 56, 72)),
        fc.constantFrom(0, 1, -30),
        fc.boolean(),
        fc.nat(),
        check,
      ),
      { numRuns: 100 },
    );
  });

  test("passes gradients on exactly where relu let something through, were it but rounding", () => {
    const property = fc.property(
      fc.integer({ min: 20, max: 300 }),
      fc.integer({ min: 1, max: 40 }),
      fc.nat(),
      (...given) => {
        const [rows, channels, seed] = given;
        const random = new Random(seed, "batch norm at 0");
        const x = random.normals(rows * channels).map((value) => Math.round(2 * value) / 3);
        const scale = random.normals(channels);
        const [, mean, variance] = reference(x, scale, new Float32Array(channels), false);
        // The first row's outputs are 0 but for rounding, and so are all with the same value.
        const offset = scale.map((factor, c) => {
          const deviation = Math.sqrt((variance[c] * (rows - 1)) / rows + epsilon);
          return (-factor * (x[c] - mean[c])) / deviation;
        });
        tf.tidy(() => {
          const inputs = [tf.tensor2d(x, [rows, channels]), tf.tensor1d(scale)] as const;
          const output = (shift: tf.Tensor): tf.Tensor =>
            batchNorm(...inputs, shift as tf.Tensor1D, epsilon, { relu: true }).output;
          const above = tf.sum(tf.cast(tf.greater(output(tf.tensor1d(offset)), 0), "float32"), 0);
          assert.deepEqual(tf.grad(output)(tf.tensor1d(offset)).dataSync(), above.dataSync());
        });
      },
    );
    fc.assert(property, { numRuns: 100 });
  });

  test("is the same where several threads share the rows", () => check(9001, 24, 2, true, 0));
});
