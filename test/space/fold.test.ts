import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { Random, ready } from "../../lib/engine/index.js";
import { cnn, mobilenet, resnet } from "../../lib/models/index.js";
import { foldBatchNorm, predictor, searchSpace } from "../../lib/space/index.js";
import { ownKernels } from "../../lib/engine/native.js";
import { nativeIsBuilt } from "../engine/support.js";
import { needs } from "../support.js";
import { assertClose, normalInputs, randomWeights } from "./compactionProperty.js";

const { layers } = tf;
const norms = (model: tf.LayersModel): number =>
  model.layers.filter((layer) => layer.getClassName() === "BatchNormalization").length;

/** A model with random weights and statistics: what it has under other names, and in other layers, stays. */
function withRandomWeights(model: tf.LayersModel): tf.LayersModel {
  const { plan, gating } = searchSpace(model, { gates: () => "none" });
  const values = randomWeights(plan, 1);
  for (const layer of new Set(gating.anatomy.weights.map((weight) => weight.layer))) {
    const own = gating.anatomy.weights.flatMap((weight, w) => (weight.layer === layer ? [w] : []));
    layer.setWeights(own.map((w) => tf.tensor(values[w], plan.weights[w].shape as number[])));
  }
  return model;
}

describe("folding batch normalisation", () => {
  before(() => ready());

  const models: Readonly<Record<string, () => [tf.LayersModel, number]>> = {
    "a residual network": () => [resnet({ depth: 8, inputShape: [8, 8, 1], classes: 3, filters: 3 }), 0],
    MobileNet: () => [mobilenet({ inputShape: [16, 16, 3], classes: 3, width: 1 / 16 }), 0],
    "a small CNN": () => [cnn({ inputShape: [8, 8, 1], filters: [3], dense: 4, classes: 2, batchNorm: true }), 0],
    "every layer that takes it up, and some that can't": () => {
      const model = tf.sequential({
        layers: [
          layers.batchNormalization({ inputShape: [8, 8, 2] }), // nothing before it
          layers.separableConv2d({ filters: 3, kernelSize: 2, depthMultiplier: 2 }),
          layers.batchNormalization({ scale: false }),
          layers.conv2dTranspose({ filters: 2, kernelSize: 2, strides: 2 }),
          layers.batchNormalization({ center: false }),
          layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2 }),
          layers.batchNormalization(),
          layers.conv2d({ filters: 3, kernelSize: 2, activation: "relu" }),
          layers.batchNormalization(), // behind an activation
          layers.flatten(),
          layers.dense({ units: 3 }),
          layers.batchNormalization(),
        ],
      });
      return [model, 2];
    },
  };
  for (const [name, build] of Object.entries(models)) {
    test(`${name} gives the same outputs`, () => {
      const [model, left] = build();
      withRandomWeights(model);
      const folded = foldBatchNorm(model);
      assert.equal(norms(folded), left);
      const fast = predictor(model);
      tf.tidy(() => {
        for (const examples of [4, 3, 4]) {
          const [input] = normalInputs(model, examples, 1);
          const expected = model.predict(input) as tf.Tensor;
          assertClose(folded.predict(input) as tf.Tensor, expected, 2e-5, name);
          assertClose(fast.predict(input)[0], expected, 2e-5, `${name}, as one function`);
        }
      });
      fast.dispose();
    });
  }

  test(
    "a predictor multiplies the weights that are left where they are few",
    needs("the native engine", nativeIsBuilt(), "npm start"),
    () => {
      const model = tf.sequential({
        layers: [
          layers.dense({ units: 300, inputShape: [500], activation: "relu" }),
          layers.dense({ units: 500, useBias: false }),
          layers.dense({ units: 4, activation: "softmax" }),
        ],
      });
      const random = new Random(1);
      for (const [w, density] of [0.04, 1, 0.002, 1, 1].entries()) {
        const weight = model.weights[w].read();
        const values = random.normals(weight.size).map((value) => (random.uniform() < density ? value : 0));
        model.weights[w].write(tf.tensor(values, weight.shape));
      }
      const held = tf.memory().numTensors;
      const fast = predictor(model);
      // Five weights, and of two kernels which entries are left, in three tensors, and their values.
      assert.equal(tf.memory().numTensors - held, ownKernels() ? 13 : 5);
      tf.tidy(() => {
        for (const examples of [5, 1, 5]) {
          const [input] = normalInputs(model, examples, 2);
          assertClose(fast.predict(input)[0], model.predict(input) as tf.Tensor, 1e-5, `${examples} examples`);
        }
      });
      fast.dispose();
      assert.equal(tf.memory().numTensors, held);
    },
  );

  test("a predictor of several inputs and outputs keeps its weights, and frees them", () => {
    const [a, b] = [tf.input({ shape: [3] }), tf.input({ shape: [3] })];
    const shared = layers.dense({ units: 2, activation: "relu" });
    const sum = layers.add().apply([shared.apply(a), shared.apply(b)] as tf.SymbolicTensor[]);
    const model = tf.model({
      inputs: [a, b],
      outputs: [sum as tf.SymbolicTensor, shared.apply(b) as tf.SymbolicTensor],
    });
    const inputs = normalInputs(model, 2, 1);
    const expected = (model.predict(inputs) as tf.Tensor[]).map((output) => tf.keep(output));
    const before = tf.memory().numTensors;
    const fast = predictor(model);
    tf.tidy(() => model.setWeights(model.getWeights().map((weight) => tf.zerosLike(weight))));
    const outputs = fast.predict(...inputs);
    outputs.forEach((output, o) => assertClose(output, expected[o], 1e-6, `output ${o}`));
    tf.dispose(outputs);
    fast.dispose();
    assert.equal(tf.memory().numTensors, before);
  });
});
