import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { Random, ready } from "../../lib/engine/index.js";
import { cnn, loadKeras, mlp, mobilenet, operationNetwork, resnet, saveKeras } from "../../lib/models/index.js";
import { searchSpace } from "../../lib/space/index.js";
import { needs } from "../support.js";

const root = resolve(__dirname, "../../..");
/** The Python that has Keras: `npm run keras` makes one, TWOTEMP_KERAS names another. */
const python = process.env.TWOTEMP_KERAS ?? join(root, "build", "keras", "bin", "python");
const present =
  existsSync(python) &&
  spawnSync(python, ["-c", "import importlib.util as u; assert u.find_spec('keras')"]).status === 0;
const keras = needs("Keras", present, "node scripts/keras.js");

/** Opens each of our files, predicts, and saves it as Keras does; makes files of its own for the other tests. */
const script = `
import json, sys, numpy as np, keras
folder, outputs = sys.argv[1], {}
for name in json.load(open(folder + "/names.json")):
    model = keras.models.load_model(f"{folder}/{name}.h5", compile=False)
    inputs = [np.array(x, "float32") for x in json.load(open(f"{folder}/{name}.json"))]
    made = model.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0)
    outputs[name] = [np.array(y).ravel().tolist() for y in (made if isinstance(made, list) else [made])]
    model.save(f"{folder}/{name}.theirs.h5")

keras.utils.set_random_seed(1)
inputs = keras.Input((8, 8, 3))
x = keras.layers.Conv2D(6, 3, padding="same", use_bias=False)(inputs)
x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
y = keras.layers.Conv2D(6, 3, padding="same")(keras.layers.DepthwiseConv2D(3, padding="same")(x))
x = keras.layers.Add()([x, y])
hidden, last = keras.layers.Dense(5, activation="tanh"), keras.layers.Dense(4, activation="softmax")
head = keras.Sequential([keras.Input((6,)), hidden, last])
model = keras.Model(inputs, head(keras.layers.GlobalAveragePooling2D()(x)))
model.save(folder + "/python.h5")
batch = np.arange(2 * 8 * 8 * 3, dtype="float32").reshape(2, 8, 8, 3) / 384
outputs["python"] = [model.predict(batch, verbose=0).ravel().tolist()]
keras.Sequential([keras.Input((4, 4, 2)), keras.layers.Conv2D(4, 2, groups=2)]).save(folder + "/groups.h5")
keras.Sequential([keras.Input((4,)), keras.layers.UnitNormalization()]).save(folder + "/unknown.h5")
json.dump(outputs, open(folder + "/outputs.json", "w"))
`;

describe("Keras", () => {
  const folder = mkdtempSync(join(tmpdir(), "twotemp-keras-"));
  before(() => ready());
  after(() => rmSync(folder, { recursive: true }));
  const path = (name: string): string => join(folder, name);

  /** The same random batch for both sides; every weight random, statistics too. */
  const prepare = (model: tf.LayersModel): tf.Tensor[] => {
    for (const layer of model.layers) {
      if (layer.weights.length === 0) continue;
      layer.setWeights(
        layer.weights.map(({ name, shape }, w) => {
          const random = new Random(1, layer.name, w);
          const size = (shape as number[]).reduce((all, extent) => all * extent, 1);
          const values = name.includes("moving_variance") ? random.uniforms(size, 0.5, 2) : random.normals(size, 0.3);
          return tf.tensor(values, shape as number[]);
        }),
      );
    }
    return model.inputs.map(({ shape }, i) => {
      const own = [3, ...(shape.slice(1) as number[])];
      return tf.tensor(new Random(2, i).normals(own.reduce((all, extent) => all * extent, 1)), own);
    });
  };
  const near = (a: ArrayLike<number>, b: ArrayLike<number>, what: string): void => {
    assert.equal(a.length, b.length, what);
    const scale = Math.max(1e-3, ...Array.from(b, Math.abs));
    for (let i = 0; i < a.length; i++)
      assert.ok(Math.abs(a[i] - b[i]) < 2e-5 * scale, `${what}: ${a[i]} is not ${b[i]}`);
  };
  const predict = (model: tf.LayersModel, inputs: tf.Tensor[]): tf.Tensor[] => {
    const outputs = model.predict(inputs.length > 1 ? inputs : inputs[0]);
    return Array.isArray(outputs) ? outputs : [outputs];
  };

  const layered = (): tf.LayersModel => {
    const { layers } = tf;
    return tf.sequential({
      layers: [
        layers.conv2d({
          filters: 3,
          kernelSize: 3,
          inputShape: [10, 10, 2],
          activation: "elu",
          padding: "same",
          strides: 2,
        }),
        layers.separableConv2d({ filters: 4, kernelSize: 2, depthMultiplier: 2 }),
        layers.leakyReLU({ alpha: 0.1 }),
        layers.conv2dTranspose({ filters: 2, kernelSize: 2, strides: 2 }),
        layers.zeroPadding2d({ padding: 1 }),
        layers.averagePooling2d({ poolSize: 2 }),
        layers.prelu({ sharedAxes: [1, 2] }),
        layers.reshape({ targetShape: [25, 2] }),
        layers.conv1d({ filters: 3, kernelSize: 3, activation: "sigmoid" }),
        layers.lstm({ units: 4, recurrentActivation: "sigmoid" }) as tf.layers.Layer,
        layers.layerNormalization(),
        layers.dense({ units: 2, activation: "softmax" }),
      ],
    });
  };
  const twoEnds = (): tf.LayersModel => {
    const inputs = [tf.input({ shape: [4], name: "left" }), tf.input({ shape: [4], name: "right" })];
    const twin = tf.layers.dense({ units: 3, activation: "tanh", name: "twin" });
    const [a, b] = inputs.map((input) => twin.apply(input) as tf.SymbolicTensor);
    const joined = tf.layers
      .concatenate({ name: "joined" })
      .apply([a, tf.layers.multiply({ name: "product" }).apply([a, b]) as tf.SymbolicTensor]);
    const outputs = ["one", "two"].map(
      (name, i) => tf.layers.dense({ units: 1 + i, name }).apply(joined) as tf.SymbolicTensor,
    );
    return tf.model({ inputs, outputs, name: "two_ends" });
  };
  const models: Readonly<Record<string, () => tf.LayersModel>> = {
    "a sequential model of many layer classes": layered,
    "two inputs, a shared layer, two outputs": twoEnds,
    "a small CNN with batch normalisation": () =>
      cnn({ inputShape: [8, 8, 1], filters: [3, 4], dense: 5, classes: 3, batchNorm: true }),
    "a nested model": () => {
      const inner = tf.sequential({
        name: "inner",
        layers: [tf.layers.dense({ units: 3, inputShape: [4], activation: "relu" }), tf.layers.batchNormalization()],
      });
      const input = tf.input({ shape: [4], name: "in" });
      const made = inner.apply(tf.layers.dense({ units: 4, name: "first" }).apply(input)) as tf.SymbolicTensor;
      return tf.model({
        inputs: input,
        outputs: tf.layers.dense({ units: 2, name: "last" }).apply(made) as tf.SymbolicTensor,
      });
    },
    MobileNet: () => mobilenet({ inputShape: [16, 16, 3], classes: 3, width: 1 / 16 }),
    "a residual network compacted to half of its units": () => {
      const space = searchSpace(resnet({ depth: 8, inputShape: [8, 8, 3], classes: 3, filters: 4 }), { gates: "unit" });
      return space.within(new Random(3).normals(space.gateCount), { density: 0.5 }).compact();
    },
    "an MLP compacted to a quarter of its pixels, which it reads alone": () => {
      const space = searchSpace(mlp({ inputShape: [4, 4, 1], hidden: [6], classes: 3 }), { gates: "input" });
      const compacted = space.keepLargest(new Random(3).normals(16), 0.25).compact(undefined, { inputs: "kept" });
      assert.deepEqual(compacted.inputs[0].shape, [null, 4]);
      return compacted;
    },
  };

  const expected: Record<string, ArrayLike<number>[]> = {};
  let inPython: Record<string, number[][]> = {};
  const batches: Record<string, tf.Tensor[]> = {};
  before(async () => {
    if (keras.skip) return;
    for (const [name, build] of Object.entries(models)) {
      const model = build();
      batches[name] = prepare(model);
      expected[name] = predict(model, batches[name]).map((output) => output.dataSync());
      await saveKeras(model, path(`${name}.h5`));
      writeFileSync(path(`${name}.json`), JSON.stringify(batches[name].map((input) => input.arraySync())));
    }
    writeFileSync(path("names.json"), JSON.stringify(Object.keys(models)));
    const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: "3", CUDA_VISIBLE_DEVICES: "-1" };
    const { status, stderr } = spawnSync(python, ["-c", script, folder], { env, encoding: "utf8" });
    assert.equal(status, 0, stderr.slice(-2000));
    inPython = JSON.parse(readFileSync(path("outputs.json"), "utf8")) as typeof inPython;
  });

  for (const name of Object.keys(models)) {
    test(`opens in Python with the same outputs, and comes back: ${name}`, keras, async () => {
      inPython[name].forEach((output, i) => near(output, expected[name][i], `output ${i} in Python`));
      for (const file of [`${name}.h5`, `${name}.theirs.h5`]) {
        const again = await loadKeras(path(file));
        predict(again, batches[name]).forEach((output, i) =>
          near(output.dataSync(), expected[name][i], `${file} ${i}`),
        );
      }
    });
  }

  test("a model made in Python comes in, and defines a search space", keras, async () => {
    const model = await loadKeras(path("python.h5"));
    const batch = tf.range(0, 384).div(384).reshape([2, 8, 8, 3]);
    near(predict(model, [batch])[0].dataSync(), inPython.python[0], "output");
    const space = searchSpace(model, { gates: "unit" });
    assert.deepEqual(
      space.groups.map(({ size }) => size),
      [6, 5],
    );
  });

  test("what Keras or TensorFlow.js doesn't have is refused by name", keras, async () => {
    const stages = [{ name: "a", operations: ["blur3", "relu"] }];
    const cell = operationNetwork({ inputShape: [4, 4, 1], classes: 2, stages });
    await assert.rejects(saveKeras(cell, path("cell.h5")), /a_blur3 is a Blur/);
    assert.ok(!existsSync(path("cell.h5")));
    const recurrent = tf.layers.lstm({ units: 2, inputShape: [3, 2] }) as tf.layers.Layer;
    await assert.rejects(saveKeras(tf.sequential({ layers: [recurrent] }), path("lstm.h5")), /hard_sigmoid/);
    await assert.rejects(loadKeras(path("none.h5")), /there is no file/);
    writeFileSync(path("text.h5"), "not HDF5");
    await assert.rejects(loadKeras(path("text.h5")), /isn't an HDF5 file/);
    await assert.rejects(loadKeras(path("groups.h5")), /conv2d.* has groups 2/);
    await assert.rejects(loadKeras(path("unknown.h5")), /can't build/);
    assert.deepEqual(
      readdirSync(folder).filter((file) => file.endsWith(".part")),
      [],
    );
  });
});
