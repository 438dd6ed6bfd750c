import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import {
  baselines,
  cnn,
  graspScores,
  mlp,
  mobilenet,
  Random,
  ready,
  type SearchSpace,
  searchSpace,
  snipScores,
  synflowScores,
} from "../../lib/index.js";
import { gateSums } from "../../lib/baselines/gateSums.js";
import { erkCounts } from "../../lib/baselines/randomErk.js";

before(() => ready());

const close = (actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void => {
  const largest = Math.max(...Array.from(expected, Math.abs));
  assert.equal(actual.length, expected.length);
  for (let i = 0; i < actual.length; i++) {
    assert.ok(Math.abs(actual[i] - expected[i]) <= tolerance * largest, `${i}: ${actual[i]}, expected ${expected[i]}`);
  }
};

/** A linear softmax classifier of 2 inputs and 2 classes, without bias worth speaking of. */
const linear = (gates: "input" | "weight"): SearchSpace =>
  searchSpace(mlp({ inputShape: [2], hidden: [], classes: 2 }), { gates });
const kernel = [1, -1, 0.5, 2];
const weights = (): tf.Tensor[] => [tf.tensor2d(kernel, [2, 2]), tf.tensor1d([0, 0])];

test("SynFlow is refused where a relu has an end", () => {
  const space = searchSpace(mobilenet({ inputShape: [16, 16, 3], classes: 5, width: 0.25, halvings: 2 }), {
    gates: "unit",
  });
  assert.match(baselines.synflow.refuses(space, [])!, /the flow needs layers that keep proportions/);
});

test("a transposed convolution's inputs are the last axis of its kernel", () => {
  const input = tf.input({ shape: [4, 4, 3] });
  const inner = tf.layers.conv2d({ filters: 4, kernelSize: 1, name: "inner" }).apply(input);
  const wide = tf.layers.conv2dTranspose({ filters: 6, kernelSize: 2, name: "wide" }).apply(inner);
  const output = tf.layers.dense({ units: 3 }).apply(tf.layers.flatten().apply(wide)) as tf.SymbolicTensor;
  const space = searchSpace(tf.model({ inputs: input, outputs: output }), {
    gates: ({ name }) => (name === "inner" ? "unit" : "none"),
  });
  const drawn = space.drawWeights([0]).map((values) => values.map(Math.abs));
  const own = drawn[space.plan.weights.findIndex(({ name }) => name === "wide/kernel")];
  const sums = [0, 1, 2, 3].map((channel) => own.reduce((sum, value, i) => sum + (i % 4 === channel ? value : 0), 0));
  close(gateSums(space, drawn), sums, 1e-6);
});

describe("SNIP", () => {
  // One example x = (1, 2) of class 0: logits (2, 3), softmax (1 - p, p) with p = 1 / (1 + exp(-1)), so that
  // dL/dW = x (-p, p) and the sensitivities are |W * dL/dW| = p (|1|, |-1|, 2 |0.5|, 2 |2|) = p (1, 1, 1, 4).
  const p = 1 / (1 + Math.exp(-1));
  const batch = (): { inputs: tf.Tensor; labels: tf.Tensor2D } => ({
    inputs: tf.tensor2d([[1, 2]]),
    labels: tf.tensor2d([[1, 0]]),
  });

  test("scores weights as worked out by hand", () => {
    close(snipScores(linear("weight"), weights(), batch()), [p, p, p, 4 * p], 1e-6);
  });

  test("scores inputs as worked out by hand", () => {
    // An input's gate switches its row: |-p W_i0 x_i + p W_i1 x_i|.
    close(snipScores(linear("input"), weights(), batch()), [2 * p, 3 * p], 1e-6);
  });
});

describe("SynFlow", () => {
  /** Sums of the scores of a kernel [inputs, outputs] over its inputs, and over its outputs. */
  const along = (scores: Float64Array, [inputs, outputs]: readonly number[]): [Float64Array, Float64Array] => {
    const [into, from] = [new Float64Array(outputs), new Float64Array(inputs)];
    scores.forEach((score, at) => {
      into[at % outputs] += score;
      from[Math.floor(at / outputs)] += score;
    });
    return [into, from];
  };

  test("conserves the flow: what comes into a hidden unit goes out of it, and each layer holds all of it", () => {
    const space = searchSpace(mlp({ inputShape: [10], hidden: [7, 6], classes: 4 }), { gates: "weight" });
    const drawn = space.initialise(0, "synflow test");
    const random = new Random(0, "synflow mask");
    const mask = Uint8Array.from({ length: space.gateCount }, () => (random.uniform() < 0.6 ? 1 : 0));
    for (const gates of [new Uint8Array(space.gateCount).fill(1), mask]) {
      const scores = synflowScores(space, drawn, gates);
      const layers = space.groups.map(({ offset, size, shape }) =>
        along(scores.subarray(offset, offset + size), shape),
      );
      for (let l = 0; l + 1 < layers.length; l++) close(layers[l][0], layers[l + 1][1], 1e-5);
      const totals = layers.map(([into]) => into.reduce((sum, score) => sum + score, 0));
      close(totals, [totals[0], totals[0], totals[0]], 1e-5);
      assert.ok(scores.every((score, i) => score >= 0 && (gates[i] === 1 || score === 0)));
    }
  });

  test("conserves the flow through convolutions and pooling", () => {
    const model = cnn({ inputShape: [8, 8, 1], filters: [3, 4], dense: 5, classes: 3 });
    const space = searchSpace(model, { gates: "weight" });
    const scores = synflowScores(space, space.initialise(0, "synflow test"), new Uint8Array(space.gateCount).fill(1));
    const totals = space.groups.map(({ offset, size }) =>
      scores.subarray(offset, offset + size).reduce((sum, score) => sum + score, 0),
    );
    close(totals, new Array<number>(totals.length).fill(totals[0]), 1e-5);
  });

  test("a unit's score is the flow through it", () => {
    const model = mlp({ inputShape: [10], hidden: [7], classes: 4 });
    const [units, single] = (["unit", "weight"] as const).map((gates) => searchSpace(model, { gates }));
    const drawn = single.initialise(0, "synflow test");
    const open = (space: SearchSpace): Uint8Array => new Uint8Array(space.gateCount).fill(1);
    const [into] = along(synflowScores(single, drawn, open(single)).subarray(0, 70), [10, 7]);
    close(synflowScores(units, drawn, open(units)), into, 1e-5);
  });
});

describe("GraSP", () => {
  test("scores weights as the analytic Hessian of a linear classifier gives them", () => {
    const random = new Random(0, "grasp test");
    const [examples, inputs, classes] = [20, 5, 3];
    const space = searchSpace(mlp({ inputShape: [inputs], hidden: [], classes }), { gates: "weight" });
    const w = Float64Array.from(random.normals(inputs * classes));
    const x = Float64Array.from(random.normals(examples * inputs));
    const label = Int32Array.from({ length: examples }, () => random.integer(classes));
    // Mean cross entropy of logits z / T: dL/dz = (p - y) / T, and for a change v of the weights and b of the biases
    // (H (v, b)) = mean of x (diag(p) - p p^T) (x v + b) / T^2.
    const temperature = 200;
    const probabilities = Array.from({ length: examples }, (_, n) => {
      const z = Array.from({ length: classes }, (_, c) =>
        x.subarray(n * inputs, (n + 1) * inputs).reduce((sum, value, i) => sum + value * w[i * classes + c], 0),
      ).map((value) => Math.exp(value / temperature));
      return z.map((value) => value / z.reduce((a, b) => a + b, 0));
    });
    const mean = (slope: (n: number, c: number) => number): { kernel: Float64Array; bias: Float64Array } => {
      const [kernel, bias] = [new Float64Array(inputs * classes), new Float64Array(classes)];
      for (let n = 0; n < examples; n++) {
        for (let c = 0; c < classes; c++) {
          bias[c] += slope(n, c) / examples;
          for (let i = 0; i < inputs; i++) kernel[i * classes + c] += (x[n * inputs + i] * slope(n, c)) / examples;
        }
      }
      return { kernel, bias };
    };
    const g = mean((n, c) => (probabilities[n][c] - (label[n] === c ? 1 : 0)) / temperature);
    const changes = probabilities.map((p, n) => {
      const z = p.map((_, c) =>
        x
          .subarray(n * inputs, (n + 1) * inputs)
          .reduce((sum, value, i) => sum + value * g.kernel[i * classes + c], g.bias[c]),
      );
      const centre = z.reduce((sum, value, c) => sum + p[c] * value, 0);
      return z.map((value, c) => (p[c] * (value - centre)) / temperature ** 2);
    });
    const expected = mean((n, c) => changes[n][c]).kernel.map((value, i) => w[i] * value);
    const scores = graspScores(space, [tf.tensor2d(Float32Array.from(w), [inputs, classes]), tf.zeros([classes])], {
      inputs: tf.tensor2d(Float32Array.from(x), [examples, inputs]),
      labels: tf.oneHot(tf.tensor1d(label, "int32"), classes) as tf.Tensor2D,
    });
    close(scores, expected, 0.01);
  });
});

describe("an Erdős–Rényi kernel", () => {
  test("keeps exactly as many weights as asked for, in proportion to extents by size", () => {
    const shapes = [
      [100, 50],
      [50, 20],
      [20, 5],
    ];
    const counts = erkCounts(shapes, 600);
    assert.equal(
      counts.reduce((sum, count) => sum + count, 0),
      600,
    );
    // 150 : 70 : 25 of 245 parts; the last layer has 100 weights, enough for its 61.
    assert.deepEqual(counts, [367, 172, 61]);
  });

  test("fills layers that would keep more than they have", () => {
    const counts = erkCounts(
      [
        [100, 50],
        [5, 4],
      ],
      1000,
    );
    assert.deepEqual(counts, [980, 20]);
  });
});
