import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { ready } from "../../lib/engine/index.js";
import { TwotempError } from "../../lib/errors.js";
import { kerasModel } from "../../lib/models/keras.js";
import { readKerasFile } from "../../lib/models/kerasFile.js";
import {
  cellStages,
  cnn,
  defineOperation,
  invarianceStages,
  lenet,
  loadKeras,
  mlp,
  mobilenet,
  operationNames,
  operationNetwork,
  resnet,
  saveKeras,
  vgg,
} from "../../lib/models/index.js";

/** Trainable parameters, which is what the literature counts. */
const parameters = (model: tf.LayersModel): number =>
  model.trainableWeights.reduce((sum, { shape }) => sum + shape.reduce<number>((all, extent) => all * extent!, 1), 0);

/** Two 1x1 convolutions with normalisation: what option B has beyond the option A of the published counts. */
const projections = 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64;

describe("builders have the parameters of the literature", () => {
  before(() => ready());

  const cases: [string, () => tf.LayersModel, number][] = [
    ["LeNet-300-100", () => mlp({ inputShape: [28, 28, 1], hidden: [300, 100], classes: 10 }), 266_610],
    ["LeNet-5", () => lenet(), 61_706],
    ["ResNet-20 (0.27 million)", () => resnet({ depth: 20, classes: 10 }), 269_722 + projections],
    ["ResNet-32 (0.46 million)", () => resnet({ depth: 32, classes: 10 }), 464_154 + projections],
    ["ResNet-44 (0.66 million)", () => resnet({ depth: 44, classes: 10 }), 658_586 + projections],
    ["ResNet-56 (0.85 million)", () => resnet({ depth: 56, classes: 10 }), 853_018 + projections],
    [
      "MobileNet, a quarter wide (0.5 million)",
      () => mobilenet({ inputShape: [224, 224, 3], classes: 1000, width: 0.25 }),
      470_072,
    ],
  ];
  for (const [name, build, expected] of cases) {
    test(name, () => {
      const model = build();
      assert.equal(parameters(model), expected);
      model.dispose();
    });
  }
});

describe("builders", () => {
  before(() => ready());

  test("every model maps its input shape to its classes", () => {
    const models = [
      mlp({ inputShape: [6], hidden: [], classes: 3 }),
      cnn({ inputShape: [8, 8, 2], filters: [4, 4], dense: 5, classes: 3, batchNorm: true }),
      lenet({ inputShape: [20, 20, 3], classes: 3 }),
      vgg({ depth: 11, classes: 3, width: 1 / 32, dense: [4] }),
      resnet({ depth: 8, inputShape: [12, 12, 1], classes: 3, filters: 2 }),
      mobilenet({ inputShape: [16, 16, 3], classes: 3, width: 1 / 32 }),
      operationNetwork({ inputShape: [12, 12, 1], classes: 3, stages: cellStages(4) }),
      operationNetwork({ inputShape: [12, 12, 3], classes: 3, stages: invarianceStages() }),
    ];
    for (const model of models) {
      tf.tidy(() => {
        const output = model.predict(tf.ones([2, ...(model.inputs[0].shape.slice(1) as number[])])) as tf.Tensor;
        assert.deepEqual(output.shape, [2, 3], model.name);
        assert.ok(output.dataSync().every(Number.isFinite), model.name);
      });
      model.dispose();
    }
  });

  test("an operation network on 28x28 has 50 operations and 384 features", () => {
    const model = operationNetwork({ inputShape: [28, 28, 1], classes: 10, stages: invarianceStages() });
    assert.deepEqual(model.getLayer("features").outputShape, [null, 384]);
    const terms = invarianceStages().reduce((sum, { operations }) => sum + operations.length, 0);
    assert.equal(terms, 50);
  });

  test("a network of operations is saved and loaded by TensorFlow.js", async () => {
    const names = operationNames().filter((name) => !["oriented7"].includes(name));
    const model = operationNetwork({
      inputShape: [8, 8, 2],
      classes: 3,
      stages: [
        { name: "all", operations: names, filters: 2, stride: 1 },
        { name: "bank", operations: ["oriented7", "skip", "depthwise3"], filters: 4, stride: 2 },
        { name: "join", operations: ["identity"], filters: 4, from: ["bank"] },
      ],
    });
    let artifacts: tf.io.ModelArtifacts | undefined;
    await model.save(
      tf.io.withSaveHandler(async (saved) => {
        artifacts = saved;
        return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" } };
      }),
    );
    const loaded = await tf.loadLayersModel(tf.io.fromMemory(artifacts!));
    tf.tidy(() => {
      const x = tf.linspace(-1, 1, 128).reshape([1, 8, 8, 2]);
      const [a, b] = [model, loaded].map((each) => [...(each.predict(x) as tf.Tensor).dataSync()]);
      assert.deepEqual(a, b);
    });
  });

  test("an operation of one's own can be offered", () => {
    defineOperation({
      name: "elu",
      apply: (value, { name }) => tf.layers.elu({ name }).apply(value) as tf.SymbolicTensor,
    });
    const model = operationNetwork({
      inputShape: [4, 4, 1],
      classes: 2,
      stages: [{ name: "one", operations: ["elu", "relu"] }],
    });
    assert.equal(model.getLayer("one_elu").getClassName(), "ELU");
  });

  test("sizes that no model has are refused by name", () => {
    const refused = (build: () => unknown, code: string, text: RegExp): void => {
      assert.throws(
        build,
        (error: unknown) => error instanceof TwotempError && error.code === code && text.test(error.message),
      );
    };
    refused(() => mlp({ inputShape: [0], classes: 2 }), "models/size", /inputShape .*\[0\]/);
    refused(() => mlp({ inputShape: [4], hidden: [2.5], classes: 2 }), "models/size", /hidden .*2\.5/);
    refused(() => cnn({ inputShape: [8, 8, 1], classes: -1 }), "models/size", /classes .*-1/);
    refused(() => resnet({ depth: 21, classes: 2 }), "models/depth", /21/);
    refused(() => vgg({ depth: 12 as 11, classes: 2 }), "models/depth", /12/);
    refused(
      () => operationNetwork({ inputShape: [4, 4, 1], classes: 2, stages: [{ name: "a", operations: ["blur4"] }] }),
      "models/operation",
      /blur4/,
    );
    refused(
      () =>
        operationNetwork({
          inputShape: [4, 4, 1],
          classes: 2,
          stages: [{ name: "a", operations: ["relu"], from: ["b"] }],
        }),
      "models/stage",
      /reads b/,
    );
    const wrong = (options: unknown): never => options as never;
    refused(
      () => mlp(wrong({ inputShape: 3, classes: 2 })),
      "models/size",
      /^mlp: inputShape must be a list .* got 3$/,
    );
    refused(() => mlp(wrong({ inputShape: [3], classes: 2, hidden: 4 })), "models/size", /hidden .* got 4$/);
    refused(
      () => mlp(wrong({ inputShape: [3], classes: 2, activation: "bogus" })),
      "models/options",
      /^mlp: activation must be one of relu, .*, got "bogus"$/,
    );
    refused(
      () => cnn({ inputShape: [4], classes: 2 }),
      "models/size",
      /must be \[height, width, channels\].* got \[4\]/,
    );
    refused(
      () => cnn(wrong(undefined)),
      "models/options",
      /^cnn: options must be an object of inputShape, .*undefined$/,
    );
    refused(
      () => vgg({ depth: 11, classes: 2, width: 0 }),
      "models/size",
      /^vgg: width must be a number above 0, got 0$/,
    );
    for (const [name, build] of Object.entries({ mlp, cnn, lenet, vgg, resnet, mobilenet, operationNetwork })) {
      refused(
        () => build(wrong({ hiden: 4 })),
        "models/options",
        new RegExp(`^${name}: unknown option hiden, use .*classes`),
      );
    }
    refused(
      () => defineOperation({ name: "conv3", apply: (value) => value }),
      "models/operation",
      /there is an operation conv3 already/,
    );
    const stage = (change: object) => () =>
      operationNetwork({ inputShape: [4, 4, 1], classes: 2, stages: [{ name: "a", operations: ["relu"], ...change }] });
    refused(stage({ name: "é" }), "models/stage", /^stage é: name must be of letters from a to z, .* got "é"$/);
    refused(stage({ strides: 2 }), "models/options", /^stage a: unknown option strides, use name, /);
    refused(stage({ operations: "relu" }), "models/stage", /^stage a: operations must be a list of names, got "relu"$/);
    refused(stage({ name: "image" }), "models/stage", /two stages are called image/);
    refused(stage({ operations: ["relu", "relu"] }), "models/stage", /stage a offers relu twice/);
    refused(stage({ operations: ["conv3"], filters: 0 }), "models/size", /filters .*0/);
    refused(() => operationNetwork({ inputShape: [4, 4, 1], classes: 2, stages: [] }), "models/stage", /got none/);
  });
});

test("Keras files are refused by their paths before the HDF5 library sees them", async () => {
  const model = mlp({ inputShape: [2], hidden: [], classes: 2 });
  const missing = join(tmpdir(), "twotemp-nowhere", "m.h5");
  for (const [action, message] of [
    [() => saveKeras(model, missing), /m\.h5 can't be written: there is no folder .*twotemp-nowhere$/],
    [() => saveKeras(model, "m.keras"), /^m\.keras must end in \.h5 or \.hdf5/],
    [() => loadKeras(tmpdir()), /^there is no file /],
  ] as const) {
    await assert.rejects(action, { code: "models/keras", message });
  }
});

test("a Keras file in which a layer is called with nothing is refused: TensorFlow.js would wait for it for ever", async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "twotemp-test-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "mlp.h5");
  await saveKeras(mlp({ inputShape: [6], hidden: [4], classes: 3 }), path);
  const file = await readKerasFile(path);
  for (const nodes of [[0], [[]], [{ args: [] }]]) {
    const description = JSON.parse(file.config) as { config: { layers: { name: string; inbound_nodes: unknown }[] } };
    const hidden = description.config.layers.find(({ name }) => name === "hidden_1")!;
    hidden.inbound_nodes = nodes;
    await assert.rejects(kerasModel({ ...file, config: JSON.stringify(description) }, "file"), {
      code: "models/keras",
      message: /layer hidden_1 reads what no layer before it makes/,
    });
  }
});
