import assert from "node:assert/strict";
import { test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { layerTable, searchSpace } from "../../lib/space/index.js";
import { checkCompaction, normalInputs } from "./compactionProperty.js";

export type Symbol = tf.SymbolicTensor;
type Cell = Parameters<typeof tf.layers.rnn>[0]["cell"];
const { layers } = tf;
export const on = (layer: tf.layers.Layer, value: Symbol | Symbol[]): Symbol => layer.apply(value) as Symbol;

/** A model in which `middle` stands between a layer with units (`before`) and a dense one behind (`after`). */
export function around(
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
export const vector = (layer: () => tf.layers.Layer): tf.LayersModel =>
  around([5], dense, (value) => on(layer(), value));
const sequence = (layer: () => tf.layers.Layer): tf.LayersModel => around([6, 3], dense, (value) => on(layer(), value));
export const image = (layer: () => tf.layers.Layer): tf.LayersModel =>
  around([5, 5, 2], conv, (value) => on(layer(), value));
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
export const models: Readonly<Record<string, () => tf.LayersModel>> = {
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

/** Classes that take long, for slow tests: volumes, and most of those that repeat. */
export const lengthy: readonly string[] = [
  "Conv3D",
  "Conv3DTranspose",
  "MaxPooling3D",
  "AveragePooling3D",
  "RNN",
  "SimpleRNNCell",
  "GRUCell",
  "LSTMCell",
  "StackedRNNCells",
  "SimpleRNN",
  "GRU",
  "ConvLSTM2D",
  "Bidirectional",
];

const wholeNumbers: typeof normalInputs = (model, batch) =>
  model.inputs.map(({ shape }) =>
    tf.tensor(
      Int32Array.from({ length: batch * shape[1]! }, (_, i) => i % 4),
      [batch, shape[1]!],
      "int32",
    ),
  );

/** Tests that a class does to gates what the table says. */
export function testLayer(className: string): void {
  const row = layerTable().find((each) => each.className === className)!;
  test(`${className}: ${row.role}`, () => {
    const model = models[className]();
    const space = searchSpace(model, { gates: "unit" });
    const groups = space.groups.map(({ name }) => name);
    const before = space.groups.find(({ layers }) => layers.includes("before"));
    const recurrent = ["SimpleRNN", "GRU", "LSTM"].includes(className);
    if (row.role === "closes" && !recurrent) assert.ok(!before, `${className} closes what it reads: ${groups.join()}`);
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
