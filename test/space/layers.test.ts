import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { before, describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { run } from "../../lib/cli.js";
import { ready } from "../../lib/engine/index.js";
import { FixedLayer } from "../../lib/models/index.js";
import { defineLayer, layerTable, searchSpace, wirings } from "../../lib/space/index.js";
import { checkCompaction, normalInputs } from "./compactionProperty.js";

type Symbol = tf.SymbolicTensor;
type Cell = Parameters<typeof tf.layers.rnn>[0]["cell"];
const { layers } = tf;
const on = (layer: tf.layers.Layer, value: Symbol | Symbol[]): Symbol => layer.apply(value) as Symbol;

/** A model in which `middle` stands between a layer with units (`before`) and a dense one behind (`after`). */
function around(
  shape: number[],
  before: (input: Symbol) => Symbol,
  middle: (value: Symbol, input: Symbol) => Symbol,
): tf.LayersModel {
  const input = tf.input({ shape, name: "in" });
  const made = middle(before(input), input);
  const flat = made.shape.length > 2 ? on(layers.flatten({ name: "to_vector" }), made) : made;
  return tf.model({ inputs: input, outputs: on(layers.dense({ units: 2, name: "after" }), flat) });
}

const dense = (input: Symbol): Symbol => on(layers.dense({ units: 4, activation: "tanh", name: "before" }), input);
const conv = (input: Symbol): Symbol =>
  on(layers.conv2d({ filters: 4, kernelSize: 2, activation: "tanh", name: "before" }), input);
const vector = (layer: () => tf.layers.Layer): tf.LayersModel => around([5], dense, (value) => on(layer(), value));
const sequence = (layer: () => tf.layers.Layer): tf.LayersModel => around([6, 3], dense, (value) => on(layer(), value));
const image = (layer: () => tf.layers.Layer): tf.LayersModel => around([5, 5, 2], conv, (value) => on(layer(), value));
const volume = (layer: () => tf.layers.Layer): tf.LayersModel =>
  around([4, 4, 4, 2], dense, (value) => on(layer(), value));
const merge = (layer: () => tf.layers.Layer): tf.LayersModel =>
  around([5], dense, (value, input) => on(layer(), [value, on(layers.dense({ units: 4, name: "other" }), input)]));
const rnn = (cell: Cell): tf.LayersModel => sequence(() => layers.rnn({ cell }) as tf.layers.Layer);
const whole = (layer: tf.layers.Layer): tf.LayersModel => {
  const input = tf.input({ shape: [4], dtype: "int32", name: "in" });
  const value = on(layer, input);
  const flat = value.shape.length > 2 ? on(layers.flatten({ name: "to_vector" }), value) : value;
  return tf.model({ inputs: input, outputs: on(layers.dense({ units: 2, name: "after" }), flat) });
};

/** Each layer class of TensorFlow.js in a small model, with units in front of it where it can have any. */
const models: Readonly<Record<string, () => tf.LayersModel>> = {
  InputLayer: () => around([5], dense, (value) => value),
  Dense: () => vector(() => layers.dense({ units: 3 })),
  Activation: () => vector(() => layers.activation({ activation: "sigmoid" })),
  ReLU: () => vector(() => layers.reLU({ maxValue: 1 })),
  LeakyReLU: () => vector(() => layers.leakyReLU()),
  PReLU: () => image(() => layers.prelu({ sharedAxes: [1, 2] })),
  ELU: () => vector(() => layers.elu()),
  ThresholdedReLU: () => vector(() => layers.thresholdedReLU({ theta: 0.2 })),
  Softmax: () => vector(() => layers.softmax()),
  Conv1D: () => sequence(() => layers.conv1d({ filters: 3, kernelSize: 2 })),
  Conv2D: () => image(() => layers.conv2d({ filters: 3, kernelSize: 2, strides: 2 })),
  Conv3D: () => volume(() => layers.conv3d({ filters: 3, kernelSize: 2 })),
  Conv2DTranspose: () => image(() => layers.conv2dTranspose({ filters: 3, kernelSize: 2, strides: 2 })),
  Conv3DTranspose: () => volume(() => layers.conv3dTranspose({ filters: 3, kernelSize: 2 })),
  SeparableConv2D: () => image(() => layers.separableConv2d({ filters: 3, kernelSize: 2, depthMultiplier: 2 })),
  DepthwiseConv2D: () => image(() => layers.depthwiseConv2d({ kernelSize: 2, depthMultiplier: 2 })),
  Cropping2D: () =>
    image(() =>
      layers.cropping2D({
        cropping: [
          [1, 0],
          [0, 1],
        ],
      }),
    ),
  UpSampling2D: () => image(() => layers.upSampling2d({})),
  ZeroPadding2D: () => image(() => layers.zeroPadding2d({ padding: 1 })),
  RNN: () => rnn(layers.simpleRNNCell({ units: 3 })),
  SimpleRNNCell: () => rnn(layers.simpleRNNCell({ units: 3 })),
  GRUCell: () => rnn(layers.gruCell({ units: 3 })),
  LSTMCell: () => rnn(layers.lstmCell({ units: 3 })),
  StackedRNNCells: () =>
    rnn(layers.stackedRNNCells({ cells: [layers.gruCell({ units: 3 }), layers.simpleRNNCell({ units: 2 })] })),
  SimpleRNN: () => sequence(() => layers.simpleRNN({ units: 3 }) as tf.layers.Layer),
  GRU: () => sequence(() => layers.gru({ units: 3, returnSequences: true }) as tf.layers.Layer),
  LSTM: () => sequence(() => layers.lstm({ units: 3 }) as tf.layers.Layer),
  ConvLSTM2D: () => {
    const input = tf.input({ shape: [2, 4, 4, 2], name: "in" });
    const made = on(layers.convLstm2d({ filters: 2, kernelSize: 2 }) as tf.layers.Layer, dense(input));
    const flat = on(layers.flatten({ name: "to_vector" }), made);
    return tf.model({ inputs: input, outputs: on(layers.dense({ units: 2, name: "after" }), flat) });
  },
  Bidirectional: () =>
    sequence(
      () => layers.bidirectional({ layer: layers.gru({ units: 3 }) as tf.RNN, mergeMode: "concat" }) as tf.layers.Layer,
    ),
  TimeDistributed: () => sequence(() => layers.timeDistributed({ layer: layers.dense({ units: 3 }) })),
  Dropout: () => vector(() => layers.dropout({ rate: 0.4 })),
  SpatialDropout1D: () => sequence(() => layers.spatialDropout1d({ rate: 0.4 })),
  GaussianNoise: () => vector(() => layers.gaussianNoise({ stddev: 1 })),
  GaussianDropout: () => vector(() => layers.gaussianDropout({ rate: 0.4 })),
  AlphaDropout: () => vector(() => layers.alphaDropout({ rate: 0.4 })),
  Flatten: () => image(() => layers.flatten()),
  Reshape: () => image(() => layers.reshape({ targetShape: [16, 4] })),
  Permute: () => image(() => layers.permute({ dims: [2, 1, 3] })),
  RepeatVector: () => vector(() => layers.repeatVector({ n: 3 })),
  Masking: () => sequence(() => layers.masking({ maskValue: 0 })),
  Embedding: () => whole(layers.embedding({ inputDim: 4, outputDim: 5, name: "before" })),
  Add: () => merge(() => layers.add()),
  Multiply: () => merge(() => layers.multiply()),
  Average: () => merge(() => layers.average()),
  Maximum: () => merge(() => layers.maximum()),
  Minimum: () => merge(() => layers.minimum()),
  Concatenate: () => merge(() => layers.concatenate()),
  Dot: () => merge(() => layers.dot({ axes: -1 })),
  BatchNormalization: () => image(() => layers.batchNormalization()),
  LayerNormalization: () => vector(() => layers.layerNormalization()),
  MaxPooling1D: () => sequence(() => layers.maxPooling1d({})),
  AveragePooling1D: () => sequence(() => layers.averagePooling1d({})),
  MaxPooling2D: () => image(() => layers.maxPooling2d({})),
  AveragePooling2D: () => image(() => layers.averagePooling2d({})),
  MaxPooling3D: () => volume(() => layers.maxPooling3d({ poolSize: 2 })),
  AveragePooling3D: () => volume(() => layers.averagePooling3d({ poolSize: 2 })),
  GlobalAveragePooling1D: () => sequence(() => layers.globalAveragePooling1d()),
  GlobalMaxPooling1D: () => sequence(() => layers.globalMaxPooling1d()),
  GlobalAveragePooling2D: () => image(() => layers.globalAveragePooling2d({ dataFormat: "channelsLast" })),
  GlobalMaxPooling2D: () => image(() => layers.globalMaxPooling2d({ dataFormat: "channelsLast" })),
  Rescaling: () => vector(() => layers.rescaling({ scale: 2, offset: 1 })),
  CenterCrop: () => image(() => layers.centerCrop({ height: 2, width: 2 })),
};

/** Why a class of the table isn't put between two layers here. */
const elsewhere: Readonly<Record<string, string>> = {
  Sequential: "tested below, nested",
  Functional: "tested below, nested",
  Model: "the name that older files have for Functional",
  ConvLSTM2DCell: "TensorFlow.js doesn't export the cell's wrapper; ConvLSTM2D holds one",
  Resizing: "TensorFlow.js gives it an output shape without the batch, which no layer can follow",
  CategoryEncoding: "TensorFlow.js has no kernel for it on the native engine",
  RandomWidth: "its output has no fixed width, which spaces refuse",
  OperationSum: "this project's own, tested with networks of operations",
  Subtract: "this project's own, tested with blocks",
  Select: "this project's own, made by compaction",
  Mask: "this project's own, made by compaction",
};

const wholeNumbers: typeof normalInputs = (model, batch) =>
  model.inputs.map(({ shape }) =>
    tf.tensor(
      Int32Array.from({ length: batch * shape[1]! }, (_, i) => i % 4),
      [batch, shape[1]!],
      "int32",
    ),
  );

describe("the table of layer classes", () => {
  before(() => ready());
  const table = new Map(layerTable().map((row) => [row.className, row]));

  test("has a row for each layer class of TensorFlow.js, and a model in these tests for each row", () => {
    const registered = Object.values(tf.serialization.SerializationMap.getMap().classNameMap).map(([layer]) => layer);
    const isLayer = (layer: (typeof registered)[number]): boolean => layer.prototype instanceof tf.layers.Layer;
    const classes = registered.filter(isLayer).filter(({ prototype }) => !(prototype instanceof FixedLayer));
    assert.ok(classes.length > 60, `${classes.length} classes`);
    const without = classes.map(({ className }) => className).filter((name) => !table.has(name) && name !== "RmsNorm");
    assert.deepEqual(without, []);
    const untested = [...table.keys()].filter((name) => !models[name] && !elsewhere[name]);
    assert.deepEqual(untested, []);
  });

  for (const [className, build] of Object.entries(models)) {
    if (elsewhere[className]) continue;
    test(`${className}: ${table.get(className)?.role}`, () => {
      const model = build();
      const row = table.get(className)!;
      const space = searchSpace(model, { gates: "unit" });
      const groups = space.groups.map(({ name }) => name);
      const before = space.groups.find(({ layers }) => layers.includes("before"));
      const recurrent = ["SimpleRNN", "GRU", "LSTM"].includes(className);
      if (row.role === "closes" && !recurrent)
        assert.ok(!before, `${className} closes what it reads: ${groups.join()}`);
      else
        assert.equal(before?.size, className === "Embedding" ? 5 : 4, `${className} lets the units before it be gated`);
      const options = {
        training: false,
        inputsOf: className === "Embedding" ? wholeNumbers : normalInputs,
      };
      // A vertex may cut so small a network: one of several is compared.
      const compares = (gates: "unit" | "weight"): boolean =>
        [0, 1, 2, 3, 4].some((seed) => checkCompaction(model, gates, 0.6, seed, options));
      assert.ok(compares("unit"));
      if (searchSpace(model, { gates: "weight" }).gateCount > 0) assert.ok(compares("weight"));
    });
  }

  test("is the one that the README and docs/spaces.md show", () => {
    for (const page of ["README.md", "docs/spaces.md"]) {
      const text = readFileSync(resolve(__dirname, "../../..", page), "utf8");
      const [, shown] = /<!-- layers -->([^]*)<!-- \/layers -->/.exec(text)!;
      const rows = [...shown.matchAll(/^\| (\w+) +\| (\w+) +\| (.*?) +\|$/gm)].map(([, name, role, reason]) => [
        name,
        role,
        reason,
      ]);
      assert.deepEqual(
        rows.slice(1),
        layerTable().map(({ className, role, reason }) => [className, role, reason]),
        page,
      );
    }
  });

  test("is printed by the command line, for people and for programs", async (context) => {
    const lines: string[] = [];
    context.mock.method(console, "log", (line: string) => lines.push(line));
    assert.equal(await run(["layers", "--json"]), 0);
    const rows = JSON.parse(lines.join("\n")) as unknown[];
    lines.length = 0;
    assert.equal(await run(["layers"]), 0);
    const printed = [...lines];
    context.mock.restoreAll();
    assert.deepEqual(rows, layerTable());
    assert.equal(printed.length, rows.length);
    assert.match(printed.join("\n"), /^DepthwiseConv2D +couples +its output channels are its input channels/m);
  });
});

/** A custom layer that no table knows. */
class Twice extends tf.layers.Layer {
  static readonly className: string = "Twice";
  override computeOutputShape(shape: tf.Shape | tf.Shape[]): tf.Shape {
    return shape as tf.Shape;
  }
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.mul(Array.isArray(inputs) ? inputs[0] : inputs, 2);
  }
}

describe("layers that the table can't tell beforehand", () => {
  before(() => ready());

  test("custom layers pass ungated and are reported, until they are taught", () => {
    tf.serialization.registerClass(Twice);
    const model = vector(() => new Twice({ name: "twice" }));
    const space = searchSpace(model, { gates: "unit" });
    assert.equal(space.gateCount, 0);
    const text = String(space.summary());
    assert.match(text, /before +Dense +Twice twice is a layer class that has no rule/);
    assert.match(text, /twice +Twice +is a layer class that has no rule/);
    defineLayer("Twice", { role: "passes", reason: "value by value", wire: wirings.elementwise() });
    assert.equal(searchSpace(model, { gates: "unit" }).gateCount, 4);
    assert.ok(checkCompaction(model, "unit", 0.6, 1));
  });

  test("nested models are opened; their layers keep their own gates", () => {
    const inner = tf.sequential({
      name: "inner",
      layers: [layers.dense({ units: 4, inputShape: [3], name: "a" }), layers.dense({ units: 4, name: "b" })],
    });
    const model = tf.sequential({
      layers: [
        layers.dense({ units: 3, inputShape: [5], name: "before" }),
        inner,
        layers.dense({ units: 2, name: "after" }),
      ],
    });
    const space = searchSpace(model, { gates: "unit" });
    assert.deepEqual(
      space.groups.map(({ name }) => name),
      ["before", "inner/a", "inner/b"],
    );
    assert.ok(checkCompaction(model, "unit", 0.8, 2));
    assert.ok(checkCompaction(model, "weight", 0.8, 2));
  });

  test("a nested model that is called twice has one set of gates", () => {
    const inner = tf.sequential({
      name: "twin",
      layers: [layers.dense({ units: 4, inputShape: [3], activation: "tanh", name: "a" })],
    });
    const inputs = [tf.input({ shape: [3], name: "left" }), tf.input({ shape: [3], name: "right" })];
    const joined = on(
      layers.concatenate(),
      inputs.map((input) => on(inner, input)),
    );
    const outputs = [
      on(layers.dense({ units: 2, name: "one" }), joined),
      on(layers.dense({ units: 1, name: "two" }), joined),
    ];
    const model = tf.model({ inputs, outputs });
    const space = searchSpace(model, { gates: "unit" });
    assert.deepEqual(
      space.groups.map(({ name, size }) => [name, size]),
      [["twin/a", 4]],
    );
    for (let seed = 0; seed < 3; seed++) assert.ok(checkCompaction(model, "unit", 0.6, seed));
  });

  test("channels first, groups and channel-moving layers close what they read", () => {
    const reasons = (model: tf.LayersModel): string => String(searchSpace(model, { gates: "unit" }).summary());
    assert.match(reasons(image(() => layers.permute({ dims: [3, 1, 2] }))), /before .*moves the channel axis/);
    assert.match(reasons(image(() => layers.reshape({ targetShape: [8, 8] }))), /before .*changes the channel axis/);
    assert.match(reasons(image(() => layers.batchNormalization({ axis: 1 }))), /before .*another axis than the last/);
  });

  test("softmax between layers closes the units that it normalises", () => {
    const model = around(
      [5],
      (input) => on(layers.dense({ units: 4, activation: "softmax", name: "before" }), input),
      (value) => value,
    );
    assert.match(
      String(searchSpace(model, { gates: "unit" }).summary()),
      /before +Dense +softmax normalises over the units/,
    );
  });

  test("models that can't be laid out are refused", () => {
    assert.throws(() => searchSpace(tf.sequential(), { gates: "unit" }), /needs a tf.LayersModel/);
    const open = tf.model({ inputs: tf.input({ shape: [null, 3] }), outputs: [] as unknown as Symbol });
    assert.throws(() => searchSpace(open, { gates: "unit" }));
    const input = tf.input({ shape: [null, 3] });
    const free = tf.model({ inputs: input, outputs: on(layers.dense({ units: 2 }), input) });
    assert.throws(() => searchSpace(free, { gates: "unit" }), /open shape/);
    const model = vector(() => layers.dense({ units: 2, name: "d" }));
    assert.throws(() => searchSpace(model, { gates: "channel" as "unit" }), /channel/);
    assert.throws(() => searchSpace(model, { gates: () => "op" }), /which|may have none/);
  });
});
