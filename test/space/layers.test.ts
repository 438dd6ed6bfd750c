import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { before, describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { run } from "../../lib/cli.js";
import { ready } from "../../lib/engine/index.js";
import { FixedLayer } from "../../lib/models/index.js";
import { defineLayer, layerTable, searchSpace, wirings } from "../../lib/space/index.js";
import { checkCompaction } from "./compactionProperty.js";
import { around, image, lengthy, models, on, type Symbol, testLayer, vector } from "./layerModels.js";

const { layers } = tf;

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

  for (const className of Object.keys(models)) if (!lengthy.includes(className)) testLayer(className);

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

  test("inputs that masking compares with 0 have gates; compared with another value they have none", () => {
    const masked = (maskValue: number): tf.LayersModel =>
      tf.sequential({
        layers: [
          layers.masking({ maskValue, inputShape: [5, 3], name: "steps" }),
          layers.lstm({ units: 4 }),
          layers.dense({ units: 2 }),
        ],
      });
    assert.equal(searchSpace(masked(0), { gates: "input" }).gateCount, 15);
    const space = searchSpace(masked(9), { gates: "input" });
    assert.equal(space.gateCount, 0);
    assert.match(String(space.summary()), /Masking steps looks for 9 in it/);
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
