import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { Random, ready } from "../../lib/engine/index.js";
import { ownKernels } from "../../lib/engine/native.js";
import { defineOperation, FixedLayer, operationNetwork, resnet } from "../../lib/models/index.js";
import { type Architecture, predictor, searchSpace } from "../../lib/space/index.js";
import { useOwnKernels } from "../engine/support.js";
import { checkArchitecture, checkCompaction } from "./compactionProperty.js";
import { checkRandomCells, checkRandomModels, selectors } from "./kinds.js";

describe("masked and compacted are the same network", () => {
  before(() => ready());

  test(`random models with mixed gates`, () => {
    const compared = checkRandomModels(selectors.mixed, 10, 10, 1);
    assert.ok(compared >= 5, `${compared} of 10 vertices were connected`);
  });

  test("random networks of operations", () => {
    assert.ok(checkRandomCells(8, 1) >= 4);
  });

  test("a residual network whose units and blocks have gates", () => {
    const model = resnet({ depth: 8, inputShape: [8, 8, 1], classes: 3, filters: 4 });
    assert.ok(checkCompaction(model, "unit", 0.6, 1));
    assert.ok(checkCompaction(model, "block", 0.4, 2));
    const all = searchSpace(model, {
      gates: (layer) =>
        layer.getClassName() === "Add" ? "block" : layer.getClassName() === "Conv2D" ? "unit" : "none",
    });
    assert.deepEqual([...new Set(all.groups.map(({ kind }) => kind))].sort(), ["block", "unit"]);
    assert.ok(checkCompaction(model, all.gates, 0.6, 3));
  });

  test("a cell with an operation of one's own, and an edge whose operations are all closed", () => {
    class CubeRoot extends FixedLayer {
      static readonly className: string = "CubeRoot";
      protected run(input: tf.Tensor4D): tf.Tensor {
        return tf.mul(tf.sign(input), tf.pow(tf.abs(input), 1 / 3));
      }
      multiplyAdds(shape: readonly number[]): number {
        return shape.reduce((product, extent) => product * extent, 1);
      }
    }
    defineOperation({
      name: "cuberoot",
      apply: (value, { name }) => new CubeRoot({ name }).apply(value) as tf.SymbolicTensor,
    });
    const operations = ["conv3", "cuberoot", "identity"];
    const model = operationNetwork({
      inputShape: [6, 6, 1],
      classes: 3,
      stages: [
        { name: "stem", operations: ["conv3"], filters: 4 },
        { name: "a", operations, from: ["stem"] },
        { name: "b", operations, from: ["stem", "a"] },
      ],
    });
    const space = searchSpace(model, { gates: "op" });
    // stem; a; b on the stem, b on a.
    const viaBoth = space.architecture([1, 0, 1, 1, 0, 1, 0, 1, 0, 1]);
    const viaStem = space.architecture([1, 1, 1, 1, 0, 1, 0, 0, 0, 0]);
    for (const architecture of [viaBoth, viaStem]) checkArchitecture(architecture, 1, { training: false });
    const names = (architecture: Architecture): string[] => architecture.compact().layers.map(({ name }) => name);
    assert.ok(names(viaBoth).includes("a"));
    assert.deepEqual(
      names(viaStem).filter((name) => /^a|_a_/.test(name)),
      [],
      "nothing reads the other node",
    );
  });

  test("a compacted model is saved and loaded by TensorFlow.js; its closed weights stay closed in training", async () => {
    const input = tf.input({ shape: [6, 6, 2] });
    const separable = tf.layers.separableConv2d({ filters: 3, kernelSize: 2, depthMultiplier: 2 }).apply(input);
    const flat = tf.layers.flatten().apply(separable);
    const model = tf.model({ inputs: input, outputs: tf.layers.dense({ units: 2 }).apply(flat) as tf.SymbolicTensor });
    const space = searchSpace(model, {
      gates: (layer) =>
        layer.getClassName() === "InputLayer" ? "input" : layer.weights.length > 0 ? "weight" : "none",
    });
    const mask = Array.from({ length: space.gateCount }, (_, i) => (i % 3 ? 1 : 0));
    const compacted = space.architecture(mask).compact();
    let saved: tf.io.ModelArtifacts | undefined;
    await compacted.save(
      tf.io.withSaveHandler(async (artifacts) => {
        saved = artifacts;
        return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" } };
      }),
    );
    const loaded = await tf.loadLayersModel(tf.io.fromMemory(saved!));
    const x = tf.linspace(-1, 1, 144).reshape([2, 6, 6, 2]);
    const outputs = [compacted, loaded].map((each) => [...(each.predict(x) as tf.Tensor).dataSync()]);
    assert.deepEqual(outputs[0], outputs[1]);
    compacted.compile({ optimizer: "adam", loss: "meanSquaredError" });
    const zeros = (): number =>
      compacted
        .getWeights()
        .filter(({ rank }) => rank > 1)
        .reduce((sum, kernel) => sum + kernel.dataSync().filter((value) => value === 0).length, 0);
    const before = zeros();
    await compacted.trainOnBatch(x, tf.ones([2, 2]));
    assert.equal(zeros(), before, "closed weights stay closed in training");
    assert.ok(before > 10);
  });

  test("layers of which few weights are left compute and train with these as their masked kernels do", async (t) => {
    if (!ownKernels()) return t.skip("needs the native engine, and a processor with AVX2 and FMA");
    t.after(() => useOwnKernels(true));
    const input = tf.input({ shape: [9, 8, 12] });
    const options = { kernelSize: 3, padding: "same", activation: "relu", biasInitializer: "randomNormal" } as const;
    const seen = tf.layers.conv2d({ filters: 20, strides: 2, ...options }).apply(input);
    const flat = tf.layers.flatten().apply(tf.layers.conv2d({ filters: 10, ...options }).apply(seen));
    const hidden = tf.layers.dense({ units: 40, activation: "tanh" }).apply(flat);
    const outputs = tf.layers.dense({ units: 3 }).apply(hidden) as tf.SymbolicTensor;
    const space = searchSpace(tf.model({ inputs: input, outputs }), { gates: "weight" });
    const architecture = space.within(new Random(0, "few").uniforms(space.gateCount), { density: 0.04 });
    for (const count of [1, 5, 20, 70]) {
      const random = new Random(count, "examples");
      const x = tf.tensor4d(random.normals(count * 9 * 8 * 12), [count, 9, 8, 12]);
      const y = tf.tensor2d(random.normals(count * 3), [count, 3]);
      const trained = async (own: boolean): Promise<Float32Array[]> => {
        useOwnKernels(own);
        const compacted = architecture.compact(space.drawWeights([0, "weights"]));
        compacted.compile({ optimizer: tf.train.sgd(0.1), loss: "meanSquaredError" });
        for (let step = 0; step < 3; step++) await compacted.trainOnBatch(x, y);
        const fast = predictor(compacted);
        const [prediction, fastPrediction] = [compacted.predict(x) as tf.Tensor, fast.predict(x)[0]];
        const all = [prediction, fastPrediction, ...compacted.getWeights()].map((tensor) =>
          tensor.dataSync<"float32">(),
        );
        fast.dispose();
        compacted.dispose();
        return all;
      };
      const [wanted, found] = [await trained(false), await trained(true)];
      found.forEach((values, i) => {
        values.forEach((value, at) =>
          assert.ok(Math.abs(value - wanted[i][at]) < 1e-4, `${count} examples, ${i}, ${at}`),
        );
      });
    }
  });
});
