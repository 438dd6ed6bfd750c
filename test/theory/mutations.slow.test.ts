import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { ready } from "../../lib/engine/index.js";
import { Random } from "../../lib/engine/random.js";
import { TensorAccumulators } from "../../lib/relaxation/accumulators.js";
import { relaxationSettings, type RelaxationSettings, updates } from "../../lib/relaxation/index.js";
import { type Bound, certificate, type Certificate } from "../../lib/theory/index.js";
import { type Mutation, mutations } from "./mutation.js";
import { adversaries, type Adversary } from "./sequences.js";

/** The same with float32 tensors, for the update that large searches have by default. */
function runTensors(
  settings: RelaxationSettings,
  adversary: Adversary,
  steps: number,
  mutation: Mutation,
): Certificate {
  const { coldTemperature, stepSize, logitBound, initialLogits } = settings;
  const hot = mutation.hot?.(settings) ?? settings.hotTemperature;
  const vectors = [initialLogits, ...updates.adaptive.tensorMemory(initialLogits, hot)];
  let state = vectors.map((vector) => tf.tensor1d(Float32Array.from(vector)));
  const sums = new TensorAccumulators(state[0], true);
  const random = new Random(1, "adversary");
  const gates = (): tf.Tensor1D => tf.tidy(() => tf.sigmoid(tf.div<tf.Tensor1D>(state[0], coldTemperature)));
  let before: Float64Array = new Float64Array(settings.gateCount);
  for (let step = 0; step < steps; step++) {
    const a = gates();
    const g = adversary(Float64Array.from(a.dataSync()), step, random);
    const moved = tf.tensor1d(Float32Array.from(mutation.moved?.(g) ?? g));
    const fed = tf.tensor1d(Float32Array.from(mutation.fed?.(g, before) ?? g));
    const next = tf.tidy(() =>
      updates.adaptive.moveTensors(
        state[0],
        state.slice(1),
        moved,
        () => moved,
        {
          hot,
          bound: logitBound,
          stepSize: mutation.step?.(stepSize) ?? stepSize,
        },
        [],
      ),
    );
    tf.dispose(state);
    state = next;
    const read = mutation.late ? gates() : tf.clone(a);
    sums.add(read, fed, state[0], TensorAccumulators.measure(fed, false));
    before = g;
    tf.dispose([a, moved, fed, read]);
  }
  const [logits, , squares] = state.map((vector) => Float64Array.from(vector.dataSync()));
  const result = certificate(
    sums.read(logits, squares, true),
    settings,
    logits.map((x) => (x > 0 ? 1 : 0)),
  );
  tf.dispose(state);
  sums.dispose();
  return result;
}

describe("the certificate bites in float32", () => {
  /** Runs that show the faults in float64. */
  const runs = [
    { kind: "normal", stepSize: 0.05, steps: 200 },
    { kind: "constant", stepSize: 0.05, steps: 60 },
    { kind: "awayFromTheGates", stepSize: 1.6, steps: 500 },
  ];
  before(() => ready());
  for (const [name, mutation] of Object.entries({ "nothing wrong": {}, ...mutations })) {
    if (name === "accumulators fed half the gradient") continue;
    test(`adaptive: ${name}`, (context) => {
      const broken = runs.flatMap(({ kind, stepSize, steps }) => {
        const box = { coldTemperature: 0.1, hotTemperature: 0.5, logitBound: 2 };
        const settings = relaxationSettings({ gateCount: 2, update: "adaptive", ...box, stepSize });
        const { holds, ...sides } = runTensors(settings, adversaries[kind], steps, mutation);
        const seen = Object.entries(sides).filter(([, side]) => (side as Bound | undefined)?.holds === false);
        return holds !== false ? [] : [`${kind}: ${seen.map(([side]) => side)}`];
      });
      if (name === "nothing wrong") return assert.deepEqual(broken, []);
      context.diagnostic(`seen on ${broken.join("; ")}`);
      assert.ok(broken.length > 0);
    });
  }
});
