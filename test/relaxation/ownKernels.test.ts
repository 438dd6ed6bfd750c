import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { gateGradientOfWeights, maskedWeights } from "../../lib/engine/gatedWeights.js";
import { Random, ready } from "../../lib/engine/index.js";
import { downloaded, nativeBackend } from "../../lib/engine/native.js";
import { type RelaxationOptions, relaxationSettings, type RelaxationState } from "../../lib/relaxation/index.js";
import { ReferenceRelaxation } from "../../lib/relaxation/referenceRelaxation.js";
import { TensorRelaxation } from "../../lib/relaxation/tensorRelaxation.js";
import { nativeIsBuilt, useOwnKernels } from "../engine/support.js";
import { needs } from "../support.js";

/** Where the default relaxation is after some steps of random gradients and prices. */
function reached(
  Form: typeof TensorRelaxation | typeof ReferenceRelaxation,
  options: RelaxationOptions,
  onePrice: boolean,
): RelaxationState {
  const { gateCount } = options;
  const initialLogits = Float64Array.from(new Random(0, "logits").uniforms(gateCount, -2, 2));
  const relaxation = new Form(relaxationSettings({ ...options, initialLogits }));
  for (let step = 0; step < 11; step++) {
    const drawn = (what: string, count: number): tf.Tensor1D => tf.tensor1d(new Random(step, what).normals(count));
    tf.tidy(() => relaxation.step(drawn("gradient", gateCount), 0, drawn("price", onePrice ? 1 : gateCount)));
  }
  const state = relaxation.save();
  relaxation.dispose();
  return state;
}

/** The largest difference of two vectors' entries, relative to the entries where these are large. */
const difference = (one: ArrayLike<number>, other: ArrayLike<number>): number =>
  Array.from(one).reduce((most, x, i) => Math.max(most, Math.abs(x - other[i]) / Math.max(1, Math.abs(other[i]))), 0);

describe("the project's own ops", needs("the native engine", nativeIsBuilt(), "npm start"), () => {
  let hasOwnKernels: boolean;
  before(async () => {
    await ready({ engine: "native" });
    ({ hasOwnKernels } = nativeBackend()!.binding);
  });

  test("move gates and add up as TensorFlow's do, but for rounding", (t) => {
    if (!hasOwnKernels) return t.skip("this processor has none");
    const all: [RelaxationOptions, boolean][] = [1, 7, 8, 512, 1_000, 1_025, 70_001, 266_200, 530_000].map(
      (gateCount, i) => [{ gateCount }, i % 2 === 0],
    );
    // The farthest steps and logits for which there is the op; then gates that aren't near 0 or 1.
    all.push([{ gateCount: 1_025, stepSize: 2, logitBound: 8 }, true]);
    all.push([{ gateCount: 1_025, hotTemperature: 2, coldTemperature: 1 }, false]);
    // The steepest gates for which there is the op, and steeper ones.
    all.push(
      [{ gateCount: 1_025, coldTemperature: 3 / 80 }, true],
      [{ gateCount: 1_025, coldTemperature: 3 / 81 }, true],
    );
    for (const [options, onePrice] of all) {
      const own = reached(TensorRelaxation, options, onePrice);
      useOwnKernels(false);
      const others = reached(TensorRelaxation, options, onePrice);
      useOwnKernels(true);
      // TensorFlow's sums of products are 3.8e-6 off themselves.
      const { products } = reached(ReferenceRelaxation, options, onePrice).accumulators;
      const vectors = ({
        logits,
        memory,
        accumulators,
        pending,
      }: RelaxationState): Record<string, ArrayLike<number>> => ({
        logits,
        dual: memory[0],
        squares: memory[1],
        products: pending!.products,
        sums: pending!.vector,
        measured: [accumulators.squares / options.gateCount, accumulators.largest / Math.sqrt(options.gateCount)],
      });
      const wanted: Record<string, ArrayLike<number>> = { ...vectors(others), products };
      for (const [what, vector] of Object.entries(vectors(own))) {
        const most = difference(vector, wanted[what]);
        // Both leave logits up to 6e-7 off, and gates change up to five times as fast.
        assert.ok(most < 5e-6, `${what} of ${JSON.stringify(options)} differ by ${most}`);
      }
    }
  });

  test("bring logits to where the dual variables say, all over the box", (t) => {
    if (!hasOwnKernels) return t.skip("this processor has none");
    const gateCount = 10_001;
    for (const options of [{}, { stepSize: 2, logitBound: 8, coldTemperature: 0.1 }]) {
      const { logitBound } = relaxationSettings({ gateCount, ...options });
      const initialLogits = Float64Array.from(new Random(0, "logits").uniforms(gateCount, -logitBound, logitBound));
      const relaxation = new TensorRelaxation(relaxationSettings({ gateCount, initialLogits, ...options }));
      for (let step = 0; step < 8; step++) {
        tf.tidy(() => relaxation.step(tf.tensor1d(new Random(step, "gradient").normals(gateCount))));
        const { logits, memory } = relaxation.save();
        const off = Array.from(logits, (z, i) => (z + Math.sinh(z) - 2 * memory[0][i]) / (1 + Math.cosh(z)));
        const most = Math.max(...off.map(Math.abs));
        assert.ok(most < 1e-6, `off by ${most} after step ${step} of ${JSON.stringify(options)}`);
      }
      relaxation.dispose();
    }
  });

  test("give the same gates and the same sum of them to a relaxation that goes on as to the one that was saved", (t) => {
    if (!hasOwnKernels) return t.skip("this processor has none");
    for (const gateCount of [1, 70_001]) {
      const gradient = tf.tensor1d(new Random(0, "gradient").normals(gateCount));
      const [saved, other] = [0, 1].map(() => new TensorRelaxation(relaxationSettings({ gateCount })));
      for (let step = 0; step < 3; step++) saved.step(gradient);
      other.load(saved.save());
      assert.deepEqual(other.gates().dataSync(), saved.gates().dataSync());
      assert.equal(other.gateSum(), saved.gateSum());
      const sum = downloaded(saved.gates()).reduce((total, gate) => total + gate, 0);
      assert.ok(Math.abs(saved.gateSum()! - sum) < 1e-6 * sum, `${saved.gateSum()}, not ${sum}`);
      for (const relaxation of [saved, other]) relaxation.dispose();
      gradient.dispose();
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

  test("leave gates where they are once their squares are too many for float32", (t) => {
    if (!hasOwnKernels) return t.skip("this processor has none");
    const relaxation = new TensorRelaxation(relaxationSettings({ gateCount: 2, stepSize: 0.01 }));
    const gradient = tf.tensor1d([9.9e17, 1]);
    let [last, other] = relaxation.logits();
    for (let step = 0; step < 360; step++) {
      relaxation.step(gradient);
      const { logits, memory } = relaxation.save();
      const move = last - logits[0];
      if (memory[1][0] === Infinity) assert.ok(Math.abs(move) < 1e-6, `by ${move} at step ${step}`);
      else assert.ok(move > 0, `by ${move} at step ${step}`);
      assert.ok(logits[1] < other, `from ${other} to ${logits[1]}`);
      [last, other] = logits;
    }
    assert.equal(relaxation.save().memory[1][0], Infinity);
    relaxation.dispose();
    gradient.dispose();
  });

  test("mask weights, and give the gradients of both, as TensorFlow's do", (t) => {
    if (!hasOwnKernels) return t.skip("this processor has none");
    for (const sizes of [[1], [8, 3, 17], [1728, 36_864, 5, 600_000]]) {
      tf.tidy(() => {
        const drawn = (what: string): tf.Tensor1D[] =>
          sizes.map((size, layer) => tf.tensor1d(new Random(layer, what).normals(size)));
        const [gradients, weights] = [drawn("gradients"), drawn("weights")];
        const parts = sizes.map((size, layer) => tf.tensor1d(new Random(layer, "gates").uniforms(size, 0, 1)));
        const gates = tf.concat1d(parts);
        const { masked, factors } = maskedWeights(gates, weights)!;
        for (const [layer, part] of parts.entries()) {
          const sum = downloaded(part).reduce((total, gate) => total + gate, 0);
          const factor = Math.sqrt(sizes[layer] / Math.max(1, sum));
          assert.ok(Math.abs(factors[layer].dataSync()[0] / factor - 1) < 2e-7, `factor ${factor}`);
          assert.deepEqual(factors[layer].shape, []);
          // To the bit, as what follows.
          assert.deepEqual(masked[layer].dataSync(), tf.mul(weights[layer], tf.mul(part, factors[layer])).dataSync());
        }
        const wanted = tf.concat(gradients.map((g, layer) => tf.mul(tf.mul(g, weights[layer]), factors[layer])));
        const before = gradients.map((gradient) => downloaded(gradient));
        for (const wantWeights of [false, true]) {
          const { ofGates, ofWeights } = gateGradientOfWeights(gates, gradients, weights, factors, wantWeights);
          assert.deepEqual(ofGates.dataSync(), wanted.dataSync(), `gates of ${sizes.join(", ")} weights`);
          assert.equal(ofWeights.length, wantWeights ? sizes.length : 0);
          for (const [layer, gradient] of ofWeights.entries()) {
            const ofWeight = tf.mul(gradients[layer], tf.mul(parts[layer], factors[layer])).dataSync();
            assert.deepEqual(gradient.dataSync(), ofWeight, `weights of layer ${layer}`);
          }
        }
        // Tensors that somebody holds aren't written to.
        assert.deepEqual(
          gradients.map((gradient) => downloaded(gradient)),
          before,
        );
      });
    }
  });

  test("scale weights for at least one open gate, and keep what isn't a number", (t) => {
    if (!hasOwnKernels) return t.skip("this processor has none");
    tf.tidy(() => {
      const weights = [tf.ones([2, 8]), tf.ones([40])];
      const factorsOf = (...gates: number[]): number[] =>
        maskedWeights(tf.concat1d([tf.fill([16], gates[0]), tf.fill([40], gates[1])]), weights)!.factors.map(
          (factor) => factor.dataSync()[0],
        );
      assert.deepEqual(factorsOf(0, 1), [4, 1]);
      assert.deepEqual(factorsOf(1 / 64, NaN), [4, NaN]);
    });
  });
});
