import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { Random } from "../../lib/engine/index.js";

/** One function of some inputs whose gradients are checked. */
export interface Case {
  readonly name: string;
  readonly shapes: readonly number[][];
  readonly f: (...inputs: tf.Tensor[]) => tf.Tensor;
  /** The same function in ops whose gradients the CPU backend has; default: `f` itself. */
  readonly reference?: (...inputs: tf.Tensor[]) => tf.Tensor;
  /** Makes inputs fit the function, for example positive. */
  readonly map?: (value: number, input: number) => number;
}

interface Result {
  readonly value: number;
  readonly gradients: readonly Float32Array[];
}

/** Value of a random linear function of the output, and its gradients, on one backend. */
async function evaluate(
  backend: string,
  { name, shapes }: Case,
  f: Case["f"],
  values: readonly Float32Array[],
): Promise<Result> {
  await tf.setBackend(backend);
  return tf.tidy(() => {
    const inputs = values.map((value, i) => tf.tensor(value, shapes[i]));
    const { value, grads } = tf.valueAndGrads((...given: tf.Tensor[]) => {
      const out = f(...given);
      return tf.sum(tf.mul(out, tf.tensor(new Random(1, name).normals(out.size), out.shape)));
    })(inputs);
    return { value: value.dataSync()[0], gradients: grads.map((gradient) => gradient.dataSync<"float32">().slice()) };
  });
}

const largest = (values: Iterable<number>): number => Math.max(...[...values].map(Math.abs));

/** Holds the gradients on `backend` against the CPU backend's (1e-6 of the largest) and finite differences. */
export async function checkGradients(backend: string, c: Case): Promise<void> {
  const values = c.shapes.map((shape, i) => {
    const random = new Random(0, c.name, i).normals(tf.util.sizeFromShape(shape));
    return c.map ? random.map((value) => c.map!(value, i)) : random;
  });
  const reference = c.reference ?? c.f;
  const tested = await evaluate(backend, c, c.f, values);
  const plain = await evaluate("cpu", c, reference, values);
  for (const [i, gradient] of tested.gradients.entries()) {
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
      return (await evaluate("cpu", c, reference, shifted)).value;
    };
    const slope = ((await moved(1)) - (await moved(-1))) / (2 * step);
    const expected = gradient.reduce((sum, value, j) => sum + value * direction[j], 0);
    const tolerance = 1e-2 * Math.max(1, Math.hypot(...gradient));
    assert.ok(Math.abs(slope - expected) <= tolerance, `input ${i}: slope ${expected}, finite differences ${slope}`);
  }
  await tf.setBackend(backend);
}

/** Checks that taking the gradients of the cases a second time leaves no tensor behind. */
export async function checkLeaks(backend: string, cases: readonly Case[]): Promise<void> {
  await tf.setBackend(backend);
  const all = (): void =>
    cases.forEach((c) =>
      tf.tidy(() => {
        tf.grads((...given: tf.Tensor[]) => tf.sum(c.f(...given)))(c.shapes.map((shape) => tf.ones(shape)));
      }),
    );
  all();
  const before = tf.memory().numTensors;
  all();
  assert.equal(tf.memory().numTensors, before);
}
