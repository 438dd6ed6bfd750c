import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import {
  type Architecture,
  baselines,
  controls,
  type GateKind,
  mlp,
  Random,
  retrain,
  saveTransfer,
  searchSpace,
  targetTasks,
  transfer,
  TransferResult,
  tuningTasks,
} from "../../lib/index.js";
import { planted } from "../planted.js";
import { retrainModel } from "../../lib/transfer/retrainModel.js";
import { inSpace, withClasses } from "../../lib/transfer/head.js";
import { type Digits, halfOf, openDigits, small, spaceOf, testTogether } from "./digits.js";

let digits: Digits;

before(async () => {
  digits = await openDigits();
});

describe("retraining", () => {
  testTogether(() => digits.target, "unit");
  testTogether(() => digits.target, "weight", 0.06);

  test("uses the same shots and draws for every architecture, and others for every task", async () => {
    const space = spaceOf("input");
    const tasks = targetTasks(digits.target, 5, 1, 2);
    assert.notDeepEqual(tasks[0].support.values, tasks[1].support.values);
    assert.equal(tasks[0].queries, tasks[1].queries);
    const job = { architecture: halfOf(space, 0), task: tasks[0], draw: [0, "a"] };
    const [a, b, c] = await retrain(space, [job, job, { ...job, draw: [0, "b"] }], { learningRate: 0.01, steps: 30 });
    assert.equal(a, b);
    assert.notEqual(a, c);
  });
});

test("chains are what is trained alone: any head, layers of two calls or held still, units without inputs", async () => {
  type Dense = Parameters<typeof tf.layers.dense>[0];
  const dense = (units: number, activation: Dense["activation"], more: Partial<Dense> = {}): tf.layers.Layer =>
    tf.layers.dense({ units, activation, kernelInitializer: "heNormal", ...more });
  const shared = dense(16, "relu");
  const models: Record<string, { layers: tf.layers.Layer[]; gates?: GateKind; part?: number }> = {
    "softmax by itself": {
      layers: [dense(16, "relu"), dense(5, "linear"), tf.layers.activation({ activation: "softmax" })],
    },
    "a head of relu": { layers: [dense(16, "relu"), dense(5, "relu")] },
    "a layer of two calls": { layers: [dense(16, "relu"), shared, shared, dense(5, "softmax")] },
    "a layer held still": { layers: [dense(16, "relu", { trainable: false }), dense(5, "softmax")] },
    "units without inputs": {
      layers: [dense(64, "sigmoid"), dense(32, "sigmoid"), dense(5, "softmax")],
      gates: "weight",
      part: 0.02,
    },
  };
  const [task] = targetTasks(digits.target, 5, 0, 1);
  const options = { steps: 100, learningRate: 0.01 };
  for (const [name, { layers, gates = "input", part = 0.3 }] of Object.entries(models)) {
    const input = tf.input({ shape: [8, 8, 1] });
    let value = tf.layers.flatten().apply(input) as tf.SymbolicTensor;
    for (const layer of layers) value = layer.apply(value) as tf.SymbolicTensor;
    const space = searchSpace(tf.model({ inputs: input, outputs: value }), { gates });
    const architecture = space.within(new Random(5, "scores").uniforms(space.gateCount), { density: part });
    for (let draw = 0; draw < 3; draw++) {
      const job = { architecture, task, draw: [draw, "chains"] };
      const [together] = await retrain(space, [job], options);
      const alone = await retrainModel(space, job, options);
      assert.ok(Math.abs(together - alone) < 0.01, `${name}: ${together} and ${alone}`);
    }
  }
});

test("a model keeps its own layers when it gets another head", () => {
  const space = spaceOf("input");
  const layers = [tf.layers.dense({ units: 5 }), tf.layers.activation({ activation: "softmax" })];
  const model = tf.sequential({ layers: [tf.layers.inputLayer({ inputShape: [4] }), ...layers] });
  const own = searchSpace(model, { gates: "input" });
  for (const classes of [3, 4]) assert.equal(withClasses(own, classes).model.outputs[0].shape[1], classes);
  assert.equal(layers[1].inboundNodes.length, 1);
  assert.equal(withClasses(own, 3), withClasses(own, 3));
  // What is read of a model isn't the model's.
  space.currentWeights()[0].fill(7);
  assert.ok(space.currentWeights()[0].every((value) => value !== 7));
});

test("refuses options, data and architectures that can't be, before anything is trained", async () => {
  const space = spaceOf("input");
  const learned = [halfOf(space, 0)];
  const { target, seen, heldOut } = digits;
  const refuses = async (change: object, code: string, message: RegExp, given = space): Promise<void> => {
    const options = { ...small, source: seen, heldOut, ...change };
    await assert.rejects(transfer(given, learned, target, options), { code, message });
  };
  for (const name of [
    "steps",
    "retrainings",
    "draws",
    "randomCount",
    "testExamples",
    "tuningTasks",
    "tuningArchitectures",
  ]) {
    await refuses({ [name]: 0 }, "transfer/options", new RegExp(`^${name} must be a whole number from 1; got 0$`));
  }
  await refuses({ steps: NaN }, "transfer/options", /^steps must be a whole number from 1; got NaN$/);
  await refuses({ shots: [] }, "transfer/options", /^shots must be whole numbers from 1; got \[\]$/);
  await refuses({ learningRates: [NaN] }, "transfer/options", /^learningRates must be numbers above 0; got \[NaN\]$/);
  await refuses({ arms: [controls[0], "random"] }, "transfer/options", /random twice$/);
  const wrong: [object, RegExp][] = [
    [{ shot: [5] }, /^unknown option shot: use source, heldOut, shots, /],
    [{ head: "tain" }, /^head must be "train" or "ridge"; got "tain"$/],
    [{ seed: "x" }, /^seed must be a whole number; got "x"$/],
    [{ heldOut: undefined }, /^heldOut must be a data set; got undefined$/],
    [{ shots: 5 }, /^shots must be whole numbers from 1; got 5$/],
    [{ arms: "random" }, /^arms must be a list of baselines or their names; got "random"$/],
    [{ arms: [7] }, /^arms must be a list of baselines or their names; got \[7\]$/],
    [{ arms: ["toString"] }, /^unknown arm "toString": use one of random, /],
    [{ training: { step: 5 } }, /^training must be \{ steps, batch, stepSize \}, .*; got \{ step: 5 \}$/],
  ];
  for (const [change, message] of wrong) await refuses(change, "transfer/options", message);
  const given: [unknown, unknown, string, RegExp][] = [
    [learned, undefined, "transfer/options", /^options must be an object with source and heldOut; got undefined$/],
    [learned[0], small, "transfer/learned", /^learned must be a list of architectures; got /],
    [[5], small, "transfer/learned", /^learned 0 must be an architecture, .*; got 5$/],
  ];
  for (const [architectures, options, code, message] of given) {
    const rest = options && { ...options, source: seen, heldOut };
    await assert.rejects(transfer(space, architectures as never, target, rest as never), { code, message });
  }
  await refuses(
    { shots: [1, 80] },
    "data/shots",
    /^80 shots: .* has a class of \d+ training examples, of which 1 is asked about$/,
  );
  await refuses({}, "transfer/learned", /^learned architecture 0 is of another space/, spaceOf("input"));
  const flat = searchSpace(mlp({ inputShape: [32], hidden: [4], classes: 5 }), { gates: "input" });
  await assert.rejects(
    transfer(flat, [flat.keepLargest(new Float64Array(32), 1)], target, { ...small, source: seen, heldOut }),
    {
      code: "transfer/input-shape",
      message: /^the model reads \[32\], .* has examples of \[8, 8, 1\]$/,
    },
  );
});

test("tuning tasks come from the held-out source and share no example between support and queries", () => {
  const [task] = tuningTasks(digits.heldOut, { shots: 5, ways: 5, seed: 0, tasks: 1 });
  assert.equal(task.support.count, 25);
  const size = task.support.values.length / task.support.count;
  const rows = (values: Float32Array, count: number): string[] =>
    Array.from({ length: count }, (_, row) => values.subarray(row * size, (row + 1) * size).join());
  const known = new Set(rows(task.support.values, task.support.count));
  assert.ok(rows(task.queries.values, task.queries.count).every((row) => !known.has(row)));
});

test("an architecture moves to a model with another head", () => {
  for (const gates of ["input", "unit", "weight"] as const) {
    const space = spaceOf(gates);
    const moved = withClasses(space, 3);
    assert.equal(moved.model.outputs[0].shape[1], 3);
    const architecture = halfOf(space, 0);
    const there = inSpace(architecture, moved);
    const last = gates === "weight" ? -1 : undefined;
    for (const { name } of space.groups.slice(0, last)) assert.deepEqual(there.group(name), architecture.group(name));
  }
});

describe("a comparison", () => {
  test("tells a planted good architecture from a bad one", async () => {
    // Source and target are other classes, told apart by the same inputs.
    const informative = [2, 3, 5, 7, 11, 13];
    const [kept, held] = planted(0, 20, informative, 3).split(0.3, 0);
    const other = planted(1, 20, [...informative].reverse(), 3);
    const space = searchSpace(mlp({ inputShape: [20], hidden: [16], classes: 3 }), { gates: "input" });
    const keeping = (inputs: readonly number[]): Architecture =>
      space.architecture(Uint8Array.from({ length: 20 }, (_, i) => (inputs.includes(i) ? 1 : 0)));
    const noise = Array.from({ length: 20 }, (_, i) => i).filter((i) => !informative.includes(i));
    const run = { ...small, source: kept, heldOut: held };
    const random = controls.filter(({ name }) => name === "random");
    const compare = async (learned: Architecture[]): Promise<{ effect: number; low: number; high: number }> =>
      (await transfer(space, learned, other, { ...run, randomCount: 8, arms: random })).effects()[0];
    const good = await compare([keeping(informative), keeping(informative.slice(1))]);
    const bad = await compare([keeping(noise.slice(0, 6)), keeping(noise.slice(6, 12))]);
    assert.ok(good.low > 5, `good: ${JSON.stringify(good)}`);
    assert.ok(bad.high < -5, `bad: ${JSON.stringify(bad)}`);
  });
});

describe("a result", () => {
  const result = (accuracies: readonly number[]): TransferResult => {
    const record = {
      source: "a",
      target: "b",
      gates: "input",
      density: 0.5,
      shots: 1,
      search: 0,
      draw: 0,
      tuned: 0.01,
    };
    const records = ["learned", "random"].flatMap((arm) =>
      accuracies.map((accuracy, episode) => {
        return { ...record, arm, retraining: episode, episode, accuracy, kept: 1, parameters: 9, architecture: arm };
      }),
    );
    const arms = ["learned", "random"].map((name) => ({ name, label: name }));
    return new TransferResult(records, [], arms, [], 0);
  };

  test("of one search and one retraining has unknown intervals: empty cells, and no infinity in the text", () => {
    const single = result([0.5]);
    assert.match(single.effectsCsv(), /^a,b,input,0.5,1,random,0,,,1,1$/m);
    assert.match(String(single), /random +50.0 +unknown +0.0 +unknown/);
  });

  test("has accuracies within 0 to 100 per cent", () => {
    for (const [accuracies, end, bound] of [
      [[0.5, 1, 1], "high", 100],
      [[0.5, 0, 0], "low", 0],
    ] as const) {
      assert.equal(result(accuracies).summary()[0][end], bound);
    }
  });

  test("isn't saved outside runs/, nor without a name", () => {
    for (const [name, code] of [
      ["../x", "data/path"],
      [".", "data/path"],
      ["", "transfer/name"],
      [5, "transfer/name"],
    ] as [string, string][]) {
      assert.throws(() => saveTransfer(name, result([0.5])), { code }, name);
    }
  });
});

test("nothing of a comparison is left in memory, models that arms made for it among it", async () => {
  const { seen, heldOut, target } = digits;
  const space = spaceOf("unit");
  const arms = ["random", "small-parameters", "linear-inputs", baselines["fine-tuned"]];
  const training = { steps: 5, batch: 16, stepSize: 0.003 };
  const options = { ...small, source: seen, heldOut, arms, retrainings: 1, tuningTasks: 1, steps: 2, training };
  const left: number[] = [];
  for (let call = 0; call < 3; call++) {
    const before = tf.memory().numTensors;
    const { refused } = await transfer(space, [halfOf(space, 0)], target, options);
    assert.deepEqual(refused, []);
    left.push(tf.memory().numTensors - before);
  }
  assert.deepEqual(left.slice(1), [0, 0]);
});
