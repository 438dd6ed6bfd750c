import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import fc from "fast-check";
import * as tf from "@tensorflow/tfjs";
import { Random, ready } from "../../lib/engine/index.js";
import { type Binding, nativeBackend } from "../../lib/engine/native.js";
import { needs } from "../support.js";
import { byTaps, type Geometry, largest, wholeNumbers } from "./geometry.js";
import { nativeIsBuilt } from "./support.js";

const ops = ["TwotempConvolution", "TwotempConvolutionInputGradient", "TwotempConvolutionFilterGradient"];

describe("convolutions by 3x3", needs("the native engine", nativeIsBuilt(), "npm start"), () => {
  let binding: Binding;
  const ran = new Set<string>();

  before(async () => {
    await ready({ engine: "native" });
    const backend = nativeBackend()!;
    ({ binding } = backend);
    const executeOp: Binding["executeOp"] = (op, ...rest) => {
      ran.add(op);
      return binding.executeOp(op, ...rest);
    };
    backend.binding = Object.create(binding, { executeOp: { value: executeOp } }) as Binding;
  });
  after(() => (nativeBackend()!.binding = binding));
  beforeEach(() => ran.clear());

  /** Filters that the project's ops take. */
  const geometries = fc
    .record({
      batch: fc.integer({ min: 1, max: 4 }),
      image: fc.tuple(fc.integer({ min: 4, max: 13 }), fc.integer({ min: 4, max: 13 })),
      channels: fc.oneof(
        fc.tuple(fc.integer({ min: 5, max: 80 }), fc.integer({ min: 5, max: 80 })),
        fc.tuple(fc.integer({ min: 5, max: 8 }), fc.integer({ min: 5, max: 8 })),
      ),
      padding: fc.constantFrom("valid" as const, "same" as const),
    })
    .filter(({ padding, image: [height, width] }) => padding === "same" || Math.min(height, width) > 6)
    .map((given): Geometry => ({ ...given, taps: [3, 3], strides: [1, 1], dilations: [1, 1] }));

  const convolve = (x: tf.Tensor, filter: tf.Tensor, pad: number | "same" | "valid"): tf.Tensor =>
    tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 1, pad);

  test("of whole numbers are exact, and so are their gradients", (t) => {
    if (!binding.hasOwnKernels) return t.skip("this processor has none");
    const exact = (given: Geometry): void =>
      tf.tidy(() => {
        const random = new Random(0, "winograd", JSON.stringify(given));
        const x = wholeNumbers(random, [given.batch, ...given.image, given.channels[0]]);
        const filter = wholeNumbers(random, [3, 3, ...given.channels]);
        const ours = (x: tf.Tensor, filter: tf.Tensor): tf.Tensor => convolve(x, filter, given.padding);
        const taps = (x: tf.Tensor, filter: tf.Tensor): tf.Tensor => byTaps(x, filter, given);
        const wanted = taps(x, filter);
        const dy = wholeNumbers(random, wanted.shape);
        ran.clear();
        const made = [ours(x, filter), ...tf.grads(ours)([x, filter], dy)];
        assert.deepEqual(
          ops.filter((op) => !ran.has(op)),
          [],
        );
        [wanted, ...tf.grads(taps)([x, filter], dy)].forEach((reference, i) => {
          assert.deepEqual(made[i].shape, reference.shape);
          assert.equal(largest(tf.sub(made[i], reference)), 0);
        });
      });
    fc.assert(fc.property(geometries, exact), { numRuns: 60 });
  });

  test("of other numbers are as near to float64 as sums in float32 can be", (t) => {
    if (!binding.hasOwnKernels) return t.skip("this processor has none");
    const [height, width, inputs, outputs] = [9, 8, 40, 33];
    const random = new Random(1, "winograd");
    const values = random.normals(height * width * inputs).map((value) => 3 + value);
    const taps = random.normals(9 * inputs * outputs);
    const made = tf.tidy(() =>
      convolve(
        tf.tensor4d(values, [1, height, width, inputs]),
        tf.tensor4d(taps, [3, 3, inputs, outputs]),
        1,
      ).dataSync(),
    );
    assert.ok(ran.has(ops[0]));
    let [error, most] = [0, 0];
    made.forEach((value, at) => {
      const [y, x, output] = [Math.floor(at / (width * outputs)), Math.floor(at / outputs) % width, at % outputs];
      let sum = 0;
      for (let tap = 0; tap < 9; tap++) {
        const [down, across] = [y + Math.floor(tap / 3) - 1, x + (tap % 3) - 1];
        if (down < 0 || across < 0 || down >= height || across >= width) continue;
        for (let input = 0; input < inputs; input++) {
          sum += values[(down * width + across) * inputs + input] * taps[(tap * inputs + input) * outputs + output];
        }
      }
      error = Math.max(error, Math.abs(value - sum));
      most = Math.max(most, Math.abs(sum));
    });
    assert.ok(error < 2e-6 * most, `${error / most}`);
  });

  test("are those of a layer with or without bias and relu, whether gradients are recorded or not", (t) => {
    if (!binding.hasOwnKernels) return t.skip("this processor has none");
    const random = new Random(2, "winograd");
    for (const [activation, biased] of [
      ["relu", true],
      ["relu", false],
      ["linear", true],
      ["linear", false],
    ] as const) {
      tf.tidy(() => {
        const x = wholeNumbers(random, [2, 8, 8, 32]) as tf.Tensor4D;
        const filter = wholeNumbers(random, [3, 3, 32, 32]) as tf.Tensor4D;
        const bias = biased ? (wholeNumbers(random, [32]) as tf.Tensor1D) : undefined;
        const sums = bias ? tf.add(convolve(x, filter, "same"), bias) : convolve(x, filter, "same");
        const wanted = activation === "relu" ? tf.relu(sums) : sums;
        const layer = (x: tf.Tensor): tf.Tensor =>
          tf.fused.conv2d({ x: x as tf.Tensor4D, filter, strides: 1, pad: "same", bias, activation });
        for (const record of [false, true]) {
          ran.clear();
          const made = record ? tf.valueAndGrad(layer)(x).value : layer(x);
          assert.equal(largest(tf.sub(made, wanted)), 0);
          assert.ok(ran.has(ops[0]) && !ran.has("Conv2D") && !ran.has("_FusedConv2D"));
        }
      });
    }
  });

  test("take zeros on each side, and leave what they can't compute to TensorFlow", (t) => {
    if (!binding.hasOwnKernels) return t.skip("this processor has none");
    tf.tidy(() => {
      const random = new Random(3, "winograd");
      const x = wholeNumbers(random, [2, 6, 7, 8]) as tf.Tensor4D;
      const filter = wholeNumbers(random, [3, 3, 8, 16]) as tf.Tensor4D;
      const [top, bottom, left, right] = [2, 0, 1, 2];
      const sides: [number, number][] = [
        [0, 0],
        [top, bottom],
        [left, right],
        [0, 0],
      ];
      const ours = (x: tf.Tensor, filter: tf.Tensor): tf.Tensor =>
        tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 1, sides as tf.backend_util.ExplicitPadding);
      const padded = (x: tf.Tensor, filter: tf.Tensor): tf.Tensor => convolve(tf.pad(x, sides), filter, "valid");
      const dy = wholeNumbers(random, [2, 6, 8, 16]);
      const [dx, dFilter] = tf.grads(ours)([x, filter], dy);
      ops.forEach((op) => assert.ok(ran.has(op)));
      const [wantedDx, wantedFilter] = tf.grads(padded)([x, filter], dy);
      for (const [made, wanted] of [
        [ours(x, filter), padded(x, filter)],
        [dx, wantedDx],
        [dFilter, wantedFilter],
      ]) {
        assert.equal(largest(tf.sub(made, wanted)), 0);
      }
      // A bias for all channels alike, and an output that isn't as large as is said.
      const bias = tf.tensor1d([3]);
      const one = tf.fused.conv2d({ x, filter, strides: 1, pad: "same", bias, activation: "relu" });
      assert.equal(largest(tf.sub(one, tf.relu(tf.add(convolve(x, filter, "same"), 3)))), 0);
      const turned = tf.transpose(filter, [0, 1, 3, 2]) as tf.Tensor4D;
      assert.throws(() => tf.conv2dTranspose(x, turned, [2, 7, 7, 16], 1, "same"), { code: "engine/shape" });
      assert.throws(() => tf.conv2dTranspose(x, turned, [3, 6, 7, 16], 1, "same"), { code: "engine/shape" });
    });
  });

  test("go another way with strides, dilations, few channels or images too small for tiles", (t) => {
    if (!binding.hasOwnKernels) return t.skip("this processor has none");
    const run = (image: number, channels: number, strides: number, dilations: number): void =>
      tf.tidy(() => {
        const x = tf.ones([1, image, image, channels]) as tf.Tensor4D;
        tf.conv2d(x, tf.ones([3, 3, channels, 32]) as tf.Tensor4D, strides, "same", "NHWC", dilations);
      });
    run(8, 32, 2, 1);
    run(8, 32, 1, 2);
    run(8, 4, 1, 1);
    run(3, 32, 1, 1);
    assert.ok(!ran.has(ops[0]));
    run(4, 32, 1, 1);
    assert.ok(ran.has(ops[0]));
  });
});
