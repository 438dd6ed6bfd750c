import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { compiled, Random, ready } from "../../lib/engine/index.js";
import { cnn, mlp } from "../../lib/models/index.js";
import { crossEntropy, differentiate, stepEvaluator, trainingCrossEntropy } from "../../lib/search/objective.js";
import { gateSlots, searchSpace } from "../../lib/space/index.js";

const values = (tensors: readonly tf.Tensor[]): number[][] => tensors.map((tensor) => Array.from(tensor.dataSync()));

/** Calls that a computation makes of its body. */
function counted(body: (...inputs: tf.Tensor[]) => tf.Tensor[]) {
  const count = { calls: 0 };
  const run = compiled((...inputs) => {
    count.calls++;
    return body(...inputs);
  });
  return { run, count };
}

describe("a compiled computation", () => {
  let native = false;
  before(async () => {
    native = (await ready()).engine === "tensorflow";
  });

  test("runs its body for inputs of new shapes only, and gives what the body gives", () => {
    const { run, count } = counted((x, y) => [tf.matMul(x, y), tf.sum(tf.square(x))]);
    for (const size of [2, 3, 2, 3]) {
      const x = tf.tensor2d(new Random(size, "x").uniforms(size * size), [size, size]);
      const y = tf.range(0, size * size).reshape([size, size]);
      assert.deepEqual(values(run(x, y)), values([tf.matMul(x, y), tf.sum(tf.square(x))]));
    }
    assert.equal(count.calls, native ? 2 : 4);
  });

  test("tells one tensor given twice from two", () => {
    const { run } = counted((x, y) => [tf.minimum(x, 1), tf.maximum(y, 5)]);
    const [x, y] = [tf.tensor1d([0, 2]), tf.tensor1d([4, 6])];
    assert.deepEqual(values(run(x, tf.clone(x))), [
      [0, 1],
      [5, 5],
    ]);
    assert.deepEqual(values(run(x, y)), [
      [0, 1],
      [5, 6],
    ]);
  });

  test("gives back inputs, constants, whole numbers and truth values", () => {
    const elsewhere = tf.tensor1d([5, 6]);
    const { run } = counted((x, n, b) => [x, tf.scalar(7), tf.add(elsewhere, x), tf.add(n, 1), tf.logicalNot(b)]);
    for (const shift of [0, 1]) {
      const given = [tf.tensor1d([1 + shift, 2]), tf.tensor1d([3, shift], "int32"), tf.tensor1d([shift], "bool")];
      const outputs = run(...given);
      const [x, seven, sum, next, not] = values(outputs);
      tf.dispose(outputs);
      assert.ok(!given[0].isDisposed, "outputs are the caller's, inputs aren't");
      assert.deepEqual([x, seven, sum], [[1 + shift, 2], [7], [6 + shift, 8]]);
      assert.deepEqual([next, not], [[4, shift + 1], [1 - shift]]);
    }
  });

  test("isn't frozen where it draws or looks at values", () => {
    let draws = 0;
    const drawing = compiled((x) => [tf.add(x, tf.tensor1d([draws++, draws]))]);
    const [first, second] = [0, 1].map(() => values(drawing(tf.zeros([2])))[0]);
    assert.notDeepEqual(first, second);
    const looking = compiled((x) => [x.dataSync()[0] > 0 ? tf.neg(x) : x]);
    assert.deepEqual(values(looking(tf.tensor1d([2]))), [[-2]]);
    assert.deepEqual(values(looking(tf.tensor1d([-3]))), [[-3]]);
  });

  test("passes on what its body throws, and works afterwards", () => {
    const failing = compiled((x) => [tf.matMul(x as tf.Tensor2D, tf.ones([5, 1]))]);
    assert.throws(() => failing(tf.ones([2, 3])));
    assert.deepEqual(values(failing(tf.ones([1, 5]))), [[5]]);
  });

  test("leaves no tensor behind but its outputs", () => {
    const { run } = counted((x) => [tf.mul(x, tf.tensor1d([1, 2])), tf.relu(x)]);
    const x = tf.tensor1d([1, -1]);
    const start = tf.memory().numTensors;
    for (let i = 0; i < 3; i++) tf.dispose(run(x));
    assert.equal(tf.memory().numTensors, start);
  });

  for (const [name, model, gates] of [
    ["an MLP", () => mlp({ inputShape: [12], hidden: [9, 7], classes: 3 }), "weight"],
    [
      "a CNN with batch normalisation",
      () => cnn({ inputShape: [8, 8, 2], filters: [4, 6], dense: 5, classes: 3, batchNorm: true }),
      "unit",
    ],
  ] as const) {
    test(`is to the bit what the ops are one by one: ${name}`, () => {
      const space = searchSpace(model(), { gates });
      const { plan } = space;
      const slots = gateSlots(plan);
      const random = new Random(0, "compiled");
      const weights = space.initialise(0, "weights");
      const inputShape = space.model.inputs[0].shape.slice(1) as number[];
      const size = inputShape.reduce((product, extent) => product * extent, 1);
      const evaluate = stepEvaluator(plan, slots, trainingCrossEntropy(plan, slots, false), true);
      for (let step = 0; step < 3; step++) {
        const gates = tf.tensor1d(random.uniforms(space.gateCount));
        const inputs = tf.tensor(random.uniforms(6 * size), [6, ...inputShape]);
        const labels = tf.oneHot(tf.tensor1d([0, 1, 2, 0, 1, 2], "int32"), 3).toFloat() as tf.Tensor2D;
        const loss = crossEntropy(plan, slots, { inputs, labels }, { training: true });
        const expected = differentiate(plan, slots, weights, gates, loss, true);
        const found = evaluate(weights, gates, [inputs, labels], []);
        assert.deepEqual(
          values([found.loss, found.gateGradient, ...found.weightGradients]),
          values([expected.loss, expected.gateGradient, ...expected.weightGradients]),
        );
      }
    });
  }
});
