import { before, describe, test } from "node:test";
import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { batchNorm, engine, Random, ready, softmaxCrossEntropy } from "../../lib/engine/index.js";
import { needs } from "../support.js";
import { nativeIsBuilt } from "./support.js";

/** One function of some inputs, whose gradients are held against the CPU backend's and finite differences. */
interface Case {
  readonly name: string;
  readonly shapes: readonly number[][];
  readonly f: (...inputs: tf.Tensor[]) => tf.Tensor;
  /** Makes inputs fit the function, for example positive. */
  readonly map?: (value: number, input: number) => number;
}

const image = [3, 6, 5, 4];
const elementwise = (name: string, f: (x: tf.Tensor) => tf.Tensor): Case => ({ name, shapes: [[4, 7]], f });

const cases: readonly Case[] = [
  elementwise("relu", tf.relu),
  elementwise("relu6", (x) => tf.relu6(tf.mul(x, 4))),
  elementwise("selu", tf.selu),
  elementwise("leakyRelu", (x) => tf.leakyRelu(x, 0.3)),
  elementwise("sigmoid", tf.sigmoid),
  elementwise("tanh", tf.tanh),
  elementwise("elu", tf.elu),
  elementwise("softplus", tf.softplus),
  ...(["valid", "same"] as const).flatMap((pad) =>
    [
      [2, 2],
      [3, 2],
      [3, 1],
    ].map(([size, stride]): Case => ({
      name: `maxPool ${size} by ${stride} ${pad}`,
      shapes: [image],
      f: (x) => tf.maxPool(x as tf.Tensor4D, size, stride, pad),
    })),
  ),
  { name: "maxPool of one image", shapes: [[6, 5, 4]], f: (x) => tf.maxPool(x as tf.Tensor3D, 2, 2, "valid") },
  {
    name: "batchNorm with given statistics",
    shapes: [image, [4], [4], [4], [4]],
    map: (value, input) => (input === 2 ? 0.5 + value * value : value),
    f: (x, mean, variance, offset, scale) =>
      tf.batchNorm(
        x as tf.Tensor4D,
        mean as tf.Tensor1D,
        variance as tf.Tensor1D,
        offset as tf.Tensor1D,
        scale as tf.Tensor1D,
      ),
  },
  {
    name: "batchNorm with the batch's statistics",
    shapes: [image, [4], [4]],
    f: (x, scale, offset) => batchNorm(x, scale as tf.Tensor1D, offset as tf.Tensor1D, 1e-3).output,
  },
  {
    name: "batchNorm of vectors",
    shapes: [[9, 4], [4], [4]],
    f: (x, scale, offset) => batchNorm(x, scale as tf.Tensor1D, offset as tf.Tensor1D, 1e-3).output,
  },
  {
    name: "batchNorm composed by TensorFlow.js",
    shapes: [image, [4], [4]],
    f: (x, scale, offset) => {
      const { mean, variance } = tf.moments(x, [0, 1, 2]);
      return tf.batchNorm(
        x as tf.Tensor4D,
        mean as tf.Tensor1D,
        variance as tf.Tensor1D,
        offset as tf.Tensor1D,
        scale as tf.Tensor1D,
      );
    },
  },
  {
    name: "softmax cross entropy",
    shapes: [[5, 4]],
    f: (logits) => softmaxCrossEntropy(tf.oneHot([0, 3, 1, 1, 2], 4).toFloat() as tf.Tensor2D, logits as tf.Tensor2D),
  },
  {
    name: "softmax cross entropy with soft labels",
    shapes: [[5, 4]],
    f: (logits) => softmaxCrossEntropy(tf.fill([5, 4], 0.25) as tf.Tensor2D, logits as tf.Tensor2D),
  },
];

/** Value of a random linear function of the output, and its gradients, on one backend. */
async function evaluate(backend: string, { name, shapes, f }: Case, values: readonly Float32Array[]): Promise<Result> {
  await tf.setBackend(backend);
  return tf.tidy(() => {
    const inputs = values.map((value, i) => tf.tensor(value, shapes[i] as number[]));
    const { value, grads } = tf.valueAndGrads((...given: tf.Tensor[]) => {
      const out = f(...given);
      return tf.sum(tf.mul(out, tf.tensor(new Random(1, name).normals(out.size), out.shape)));
    })(inputs);
    return { value: value.dataSync()[0], gradients: grads.map((gradient) => gradient.dataSync<"float32">().slice()) };
  });
}

interface Result {
  readonly value: number;
  readonly gradients: readonly Float32Array[];
}

const largest = (values: Iterable<number>): number => Math.max(...[...values].map(Math.abs));

describe("native gradients", needs("the native engine", nativeIsBuilt(), "npm start"), () => {
  before(async () => {
    assert.equal((await ready({ engine: "native" })).engine, "tensorflow");
    assert.equal(engine()?.device, "cpu");
  });

  for (const c of cases) {
    test(c.name, async () => {
      const values = c.shapes.map((shape, i) => {
        const random = new Random(0, c.name, i).normals(tf.util.sizeFromShape(shape));
        return c.map ? random.map((value) => c.map!(value, i)) : random;
      });
      const native = await evaluate("tensorflow", c, values);
      const plain = await evaluate("cpu", c, values);
      for (const [i, gradient] of native.gradients.entries()) {
        const scale = largest(plain.gradients[i]);
        assert.ok(scale > 0, `input ${i} has a gradient`);
        const error = largest(gradient.map((value, j) => value - plain.gradients[i][j])) / scale;
        assert.ok(error <= 1e-6, `input ${i}: relative error ${error} to the CPU backend`);
        // Along a random direction; the step is a compromise between float32 noise and curvature.
        const direction = new Random(2, c.name, i).normals(gradient.length);
        const step = 2e-3;
        const moved = async (sign: number): Promise<number> => {
          const shifted = [...values];
          shifted[i] = values[i].map((value, j) => value + sign * step * direction[j]);
          return (await evaluate("cpu", c, shifted)).value;
        };
        const slope = ((await moved(1)) - (await moved(-1))) / (2 * step);
        const expected = gradient.reduce((sum, value, j) => sum + value * direction[j], 0);
        const tolerance = 1e-2 * Math.max(1, Math.hypot(...gradient));
        assert.ok(
          Math.abs(slope - expected) <= tolerance,
          `input ${i}: slope ${expected}, finite differences ${slope}`,
        );
      }
    });
  }

  test("leave no tensor behind", async () => {
    await tf.setBackend("tensorflow");
    const all = (): void =>
      cases.forEach((c) =>
        tf.tidy(() => {
          const inputs = c.shapes.map((shape) => tf.ones(shape));
          tf.grads((...given: tf.Tensor[]) => tf.sum(c.f(...given)))(inputs);
        }),
      );
    all();
    const before = tf.memory().numTensors;
    all();
    assert.equal(tf.memory().numTensors, before);
  });
});
