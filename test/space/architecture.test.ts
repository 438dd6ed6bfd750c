import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { Random, ready } from "../../lib/engine/index.js";
import { TwotempError } from "../../lib/errors.js";
import { cnn, mlp, vgg } from "../../lib/models/index.js";
import { Architecture, searchSpace } from "../../lib/space/index.js";

const refuses = (act: () => unknown, code: string, text: RegExp): void =>
  assert.throws(
    act,
    (error: unknown) => error instanceof TwotempError && error.code === code && text.test(error.message),
  );
const small = { inputShape: [4, 4, 1], hidden: [6, 5], classes: 3 };

describe("an architecture", () => {
  before(() => ready());

  test("a closed pixel says nothing, also where the image itself is added to a block", () => {
    const input = tf.input({ shape: [8, 8, 1], name: "image" });
    const convolved = tf.layers
      .conv2d({ filters: 1, kernelSize: 3, padding: "same" })
      .apply(input) as tf.SymbolicTensor;
    const sum = tf.layers.add({ name: "sum" }).apply([input, convolved]);
    const output = tf.layers.dense({ units: 5 }).apply(tf.layers.flatten().apply(sum)) as tf.SymbolicTensor;
    const space = searchSpace(tf.model({ inputs: input, outputs: output }), {
      gates: ({ name }) => (name === "image" ? "input" : name === "sum" ? "block" : "none"),
    });
    assert.equal(space.gateCount, 65);
    const mask = new Uint8Array(65).fill(1);
    mask[10] = 0;
    const architecture = space.architecture(mask);
    const weights = architecture.initialise(0, "pixels");
    const [dark, bright] = [0, 5].map((value) => {
      const pixels = new Float32Array(64);
      pixels[10] = value;
      return architecture.predict(weights, tf.tensor(pixels, [1, 8, 8, 1]))[0].dataSync();
    });
    assert.deepEqual(dark, bright);
    refuses(() => architecture.predict(weights), "space/inputs", /the model has 1 inputs, got 0/);
    // The search's differentiable counts agree with the exact ones.
    const pixelsAlone = searchSpace(space.model, { gates: "input" });
    const open = tf.ones([64]) as tf.Tensor1D;
    assert.equal(pixelsAlone.relaxedCount(open, "parameters").dataSync()[0], pixelsAlone.full.parameters);
  });

  test("predicts what its compacted model does, also where weights aren't zero that it doesn't have", () => {
    const input = tf.input({ shape: [3] });
    const hidden = tf.layers.dense({ units: 3, activation: "relu" }).apply(input);
    const output = tf.layers.dense({ units: 2 }).apply(hidden) as tf.SymbolicTensor;
    const space = searchSpace(tf.model({ inputs: input, outputs: output }), { gates: "weight" });
    // The last hidden unit has no input, but would have its bias.
    const architecture = space.architecture([1, 1, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 1, 1, 1]);
    const weights = space.plan.weights.map(({ shape }, w) => {
      return new Random(w).uniforms(shape.reduce((product, extent) => product * extent, 1));
    });
    const inputs = tf.ones([1, 3]);
    const [masked] = architecture.predict(weights, inputs);
    const compacted = architecture.compact(weights).predict(inputs) as tf.Tensor;
    assert.ok(tf.max(tf.abs(tf.sub(masked, compacted))).dataSync()[0] < 1e-6);
  });

  test("comes back from JSON in another build of the model, and its hash doesn't depend on names", () => {
    const space = searchSpace(mlp(small), { gates: "input" });
    const architecture = space.keepLargest(new Random(1).normals(16), 0.5, { method: "test" });
    const renamed = tf.sequential({
      layers: [
        tf.layers.flatten({ inputShape: [4, 4, 1] }),
        ...[6, 5].map((units) => tf.layers.dense({ units, activation: "relu" })),
        tf.layers.dense({ units: 3, activation: "softmax" }),
      ],
    });
    const again = Architecture.fromJSON(
      JSON.parse(JSON.stringify(architecture)),
      searchSpace(renamed, { gates: "input" }),
    );
    assert.deepEqual(again.mask, architecture.mask);
    assert.equal(again.hash, architecture.hash);
    assert.deepEqual(again.counts, architecture.counts);
    assert.deepEqual(again.provenance, { method: "test" });
    assert.equal(again.density, 0.5);
    const other = space.keepLargest(new Random(2).normals(16), 0.5);
    assert.notEqual(other.hash, architecture.hash);
  });

  test("refuses a model that doesn't fit, saying where", () => {
    const text = JSON.stringify(searchSpace(mlp(small), { gates: "unit" }).architecture(new Uint8Array(11).fill(1)));
    const read = (model: tf.LayersModel, gates: "unit" | "weight" = "unit"): unknown =>
      Architecture.fromJSON(text, searchSpace(model, { gates }));
    refuses(
      () => read(mlp({ ...small, inputShape: [5, 4, 1] })),
      "space/fit",
      /input shape is \[\[4,4,1\]\] there, \[\[5,4,1\]\] here/,
    );
    refuses(
      () => read(mlp({ ...small, hidden: [6, 4] })),
      "space/fit",
      /layer 2 \(hidden_2\) is \[\[5\]\] there, \[\[4\]\] here/,
    );
    refuses(() => read(mlp({ ...small, hidden: [6] })), "space/fit", /layer 2/);
    refuses(() => read(mlp({ ...small, hidden: [6, 5, 5] })), "space/fit", /layer 3/);
    refuses(
      () => read(mlp(small), "weight"),
      "space/fit",
      /kind of gate group hidden_1 is "unit" there, "weight" here/,
    );
  });

  test("refuses JSON that is damaged or of another kind", () => {
    const space = searchSpace(mlp(small), { gates: "unit" });
    const json = space.architecture(Uint8Array.from({ length: 11 }, (_, i) => (i % 4 ? 1 : 0))).toJSON();
    const read = (data: unknown) => (): unknown => Architecture.fromJSON(data, space);
    refuses(read("{"), "space/json", /not JSON/);
    refuses(read({}), "space/json", /at format/);
    refuses(read({ ...json, version: 2 }), "space/json", /version/);
    refuses(read({ ...json, mask: "!" }), "space/json", /mask/);
    refuses(read({ ...json, mask: "" }), "space/json", /0 bytes, 11 gates need 2/);
    refuses(read({ ...json, mask: "/wc=" }), "space/json", /hash/);
    refuses(read({ ...json, hash: "0" }), "space/json", /the file was changed/);
  });

  test("refuses a mask of another length and names that aren't groups", () => {
    const space = searchSpace(mlp(small), { gates: "unit" });
    refuses(() => space.architecture([1, 1]), "space/mask", /2 entries.*11 gates/);
    refuses(
      () => space.architecture(new Uint8Array(11).fill(1)).group("hidden_9"),
      "space/group",
      /hidden_9.*hidden_1, hidden_2/,
    );
  });

  test("counts activation bytes as the most that values take up at one time, layer after layer", () => {
    const { layers } = tf;
    const input = tf.input({ shape: [4, 4, 2], name: "in" });
    const conv = (name: string, filters: number, value: tf.SymbolicTensor): tf.SymbolicTensor =>
      layers.conv2d({ name, filters, kernelSize: 3, padding: "same" }).apply(value) as tf.SymbolicTensor;
    const first = conv("first", 6, input);
    const second = conv("second", 4, first);
    const branch = conv("branch", 4, second);
    const sum = layers.add({ name: "sum" }).apply([second, branch]) as tf.SymbolicTensor;
    const flat = layers.flatten({ name: "flat" }).apply(sum) as tf.SymbolicTensor;
    const model = tf.model({
      inputs: input,
      outputs: layers.dense({ name: "out", units: 3 }).apply(flat) as tf.SymbolicTensor,
    });
    const space = searchSpace(model, { gates: "unit" });
    // By hand, channels at 16 places: first (2 + 6), second (6 + 4), branch (4 + 4), sum (4 + 4 + 4), flat (4 + 4).
    assert.equal(space.full.activationBytes, 4 * 16 * 12);
    // Gates: the six of first, then the four that second and branch share. With one of the four: second (6 + 1).
    assert.deepEqual(
      space.groups.map(({ size }) => size),
      [6, 4],
    );
    assert.equal(space.count([1, 1, 1, 1, 1, 1, 1, 0, 0, 0]).activationBytes, 4 * 16 * 8);
    assert.equal(space.count([1, 1, 1, 0, 0, 0, 1, 1, 0, 0]).activationBytes, 4 * 16 * 6);
  });

  test("describes its network: what reads a layer that is stepped over reads what stands before it, too", () => {
    const space = searchSpace(vgg({ depth: 11, classes: 3, width: 1 / 32 }), { gates: "block" });
    const name = space.groups[0].layers[0].replace(/\/.*/, "");
    const readersOf = (mask: Uint8Array): string[] => {
      const nodes = space.architecture(mask).network();
      assert.ok(nodes.every((node) => !/change|step/.test(node.name)));
      const at = nodes.findIndex((node) => node.name === name);
      return nodes.filter(({ inputs }) => inputs.includes(nodes[at].inputs[0])).map((node) => node.className);
    };
    const all = new Uint8Array(space.gateCount).fill(1);
    assert.deepEqual(readersOf(all), ["Conv2D"]);
    assert.deepEqual(readersOf(all.with(0, 0)), ["Conv2D", "MaxPooling2D"]);
  });

  test("starts retraining with fresh weights, zero where closed, that keep the variance of full ones", () => {
    const model = mlp({ inputShape: [1000], hidden: [100], classes: 3 });
    for (const gates of ["input", "weight"] as const) {
      const gated = gates === "input" ? "image" : "hidden_1";
      const space = searchSpace(model, { gates: (layer) => (layer.name === gated ? gates : "none") });
      const architecture = space.keepLargest(new Random(3).uniforms(space.gateCount), 0.1);
      const [kernel] = architecture.initialise(5, "retraining");
      assert.deepEqual([...kernel], [...architecture.initialise(5, "retraining")[0]], "keyed");
      assert.notDeepEqual(
        [...kernel.subarray(0, 4000)],
        [...architecture.initialise(6, "retraining")[0].subarray(0, 4000)],
      );
      const keep = architecture.keep()[0];
      assert.ok(kernel.every((value, i) => keep[i] === 1 || value === 0));
      // heNormal: variance 2 / fan-in for each unit's sum, also when a tenth of the inputs is left; truncated at two
      // deviations, which leaves 0.774 of it.
      const power = kernel.reduce((sum, value) => sum + value * value, 0) / 100;
      assert.ok(Math.abs(power / (2 * 0.774) - 1) < 0.05, `${gates}: ${power}`);
    }
  });
});

describe("initial weights", () => {
  before(() => ready());

  test("follow each layer's own initialiser, with draws of their own", () => {
    type Initializer = ReturnType<typeof tf.initializers.zeros>;
    const initializers: [string, Initializer, (values: Float32Array) => void][] = [];
    const mean = (values: Float32Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;
    const deviation = (values: Float32Array): number =>
      Math.sqrt(mean(values.map((value) => value * value)) - mean(values) ** 2);
    const near = (actual: number, expected: number): void =>
      assert.ok(
        Math.abs(actual - expected) < 0.04 * Math.max(0.05, Math.abs(expected)),
        `${actual} is not ${expected}`,
      );
    const add = (name: string, initializer: Initializer, check: (values: Float32Array) => void): void => {
      initializers.push([name, initializer, check]);
    };
    const { initializers: make } = tf;
    add("zeros", make.zeros(), (values) => assert.ok(values.every((value) => value === 0)));
    add("ones", make.ones(), (values) => assert.ok(values.every((value) => value === 1)));
    add("constant", make.constant({ value: 0.25 }), (values) => assert.ok(values.every((value) => value === 0.25)));
    add("normal", make.randomNormal({ mean: 1, stddev: 0.2 }), (values) => {
      near(mean(values), 1);
      near(deviation(values), 0.2);
    });
    add("uniform", make.randomUniform({ minval: -1, maxval: 3 }), (values) => {
      near(mean(values), 1);
      near(deviation(values), 4 / Math.sqrt(12));
      assert.ok(values.every((value) => value >= -1 && value < 3));
    });
    add("truncated", make.truncatedNormal({ mean: 0, stddev: 1 }), (values) => {
      near(deviation(values), 0.8796);
      assert.ok(values.every((value) => Math.abs(value) <= 2));
    });
    add("glorotUniform", make.glorotUniform({}), (values) => near(deviation(values), Math.sqrt(2 / 180)));
    add("heNormal", make.heNormal({}), (values) => near(deviation(values), 0.8796 * Math.sqrt(2 / 100)));
    add("leCunUniform", make.leCunUniform({}), (values) => near(deviation(values), Math.sqrt(1 / 100)));
    add("orthogonal", make.orthogonal({ gain: 2 }), (values) => {
      const columns = tf.tensor(values, [100, 80]);
      const gram = tf.matMul(columns, columns, true).sub(tf.eye(80).mul(4));
      assert.ok(tf.max(tf.abs(gram)).dataSync()[0] < 1e-4);
    });
    for (const [name, kernelInitializer, check] of initializers) {
      const model = tf.sequential({
        layers: [tf.layers.dense({ name: `d_${name}`, units: 80, inputShape: [100], kernelInitializer })],
      });
      const space = searchSpace(model, { gates: "weight" });
      const [kernel] = space.initialise(0, "weights");
      check(kernel.dataSync<"float32">() as Float32Array);
    }
  });

  test("two layers of one shape get other kernels; seed 0 is a seed; one address gives one draw", () => {
    const space = searchSpace(mlp({ inputShape: [8], hidden: [8, 8], classes: 8 }), { gates: "unit" });
    const draw = (...address: (string | number)[]): string[] =>
      space.drawWeights(address).map((values) => values.join());
    const zero = draw(0, "a");
    assert.deepEqual(zero, draw(0, "a"));
    assert.notDeepEqual(zero[0], draw(1, "a")[0]);
    const kernels = [0, 2, 4].map((w) => zero[w]);
    assert.equal(new Set(kernels).size, 3);
  });

  test("constant weights have one magnitude a layer and both signs", () => {
    const space = searchSpace(cnn({ inputShape: [6, 6, 1], filters: [4], dense: 5, classes: 3 }), { gates: "unit" });
    space.initialiseConstant(3, "constant").forEach((tensor, w) => {
      const magnitudes = new Set(tensor.dataSync().map(Math.abs));
      assert.equal(magnitudes.size, 1, space.plan.weights[w].name);
      if (tensor.rank > 1) assert.equal(new Set(tensor.dataSync()).size, 2);
    });
  });
});
