import { before, describe, test } from "node:test";
import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { Adam, Momentum, Random, ready } from "../../lib/engine/index.js";
import { TwotempError } from "../../lib/errors.js";
import { nativeIsBuilt } from "./support.js";

const shapes = [[3, 4], [5], []];
const size = (shape: readonly number[]): number => tf.util.sizeFromShape(shape as number[]);

function tensors(...address: (string | number)[]): tf.Tensor[] {
  return shapes.map((shape, p) => tf.tensor(new Random(...address, p).normals(size(shape)), shape));
}

type Kind = "Adam" | "Momentum";
const make = (kind: Kind): Adam | Momentum =>
  kind === "Adam"
    ? new Adam(tensors(0, "start"), { stepSize: 0.05, epsilon: 1e-3 })
    : new Momentum(tensors(0, "start"), { stepSize: 0.05 });

/** The same algorithms in fp64. */
function reference(kind: Kind, steps: number): number[][] {
  return shapes.map((shape, p) => {
    const w = [...new Random(0, "start", p).normals(size(shape))];
    const m = w.map(() => 0);
    const v = w.map(() => 0);
    for (let t = 1; t <= steps; t++) {
      const g = new Random(t, "gradient", p).normals(size(shape));
      for (let i = 0; i < w.length; i++) {
        if (kind === "Momentum") {
          m[i] = 0.9 * m[i] + g[i];
          w[i] -= 0.05 * m[i];
        } else {
          m[i] = 0.9 * m[i] + 0.1 * g[i];
          v[i] = 0.999 * v[i] + 0.001 * g[i] ** 2;
          w[i] -= (0.05 * (m[i] / (1 - 0.9 ** t))) / (Math.sqrt(v[i] / (1 - 0.999 ** t)) + 1e-3);
        }
      }
    }
    return w;
  });
}

function run(optimizer: Adam | Momentum, from: number, to: number): void {
  for (let t = from; t <= to; t++) {
    const gradients = tensors(t, "gradient");
    optimizer.step(gradients);
    tf.dispose(gradients);
  }
}

const read = (optimizer: Adam | Momentum): Float32Array[] =>
  optimizer.values.map((value) => value.dataSync<"float32">().slice());

const engines = nativeIsBuilt() ? ["tensorflow", "cpu"] : ["cpu"];
for (const name of engines) {
  describe(`optimisers on ${name}`, () => {
    before(async () => {
      if (nativeIsBuilt()) await ready();
      await tf.setBackend(name);
    });

    for (const kind of ["Adam", "Momentum"] as const) {
      test(`${kind} follows its formula`, () => {
        const optimizer = make(kind);
        run(optimizer, 1, 25);
        reference(kind, 25).forEach((expected, p) =>
          read(optimizer)[p].forEach((value, i) => assert.ok(Math.abs(value - expected[i]) < 1e-5)),
        );
        optimizer.dispose();
      });

      test(`${kind} goes on from a saved state bit for bit, and from its start after a reset`, () => {
        const whole = make(kind);
        run(whole, 1, 9);
        const first = make(kind);
        run(first, 1, 4);
        const state = first.save();
        run(first, 5, 6);
        first.load(state);
        assert.equal(first.steps, 4);
        run(first, 5, 9);
        assert.deepEqual(read(first), read(whole));
        const start = tensors(0, "start");
        first.reset(start);
        run(first, 1, 9);
        assert.deepEqual(read(first), read(whole));
        whole.dispose();
        first.dispose();
        tf.dispose(start);
      });

      test(`${kind} leaves no tensor behind and doesn't change tensors it gave away or was given`, () => {
        const start = tensors(0, "start");
        const before = tf.memory().numTensors;
        const optimizer = kind === "Adam" ? new Adam(start) : new Momentum(start);
        run(optimizer, 1, 2);
        const during = tf.memory().numTensors;
        const given = optimizer.values.map((value) => tf.clone(value));
        const copy = given.map((value) => value.dataSync<"float32">().slice());
        run(optimizer, 3, 20);
        assert.deepEqual(
          given.map((value) => value.dataSync()),
          copy,
        );
        assert.deepEqual(start[0].dataSync(), new Random(0, "start", 0).normals(12));
        tf.dispose(given);
        assert.equal(tf.memory().numTensors, during);
        optimizer.dispose();
        assert.equal(tf.memory().numTensors, before);
        tf.dispose(start);
      });

      test(`${kind} outlives the tidy it was made in`, () => {
        let optimizer!: Adam | Momentum;
        tf.tidy(() => {
          optimizer = make(kind);
          run(optimizer, 1, 1);
        });
        assert.ok(read(optimizer)[0].every(Number.isFinite));
        optimizer.dispose();
      });
    }

    test("refuse gradients and states that don't fit", () => {
      const adam = make("Adam");
      const code = (code: string) => (error: unknown) => error instanceof TwotempError && error.code === code;
      assert.throws(() => adam.step(tensors(1, "gradient").slice(1)), code("engine/gradients"));
      assert.throws(() => adam.step([...tensors(1, "gradient"), tf.scalar(1)]), code("engine/gradients"));
      assert.throws(() => adam.load(make("Momentum").save()), code("engine/state"));
      assert.throws(() => adam.load({}), code("engine/state"));
      assert.equal(adam.steps, 0);
      adam.dispose();
    });
  });
}
