import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { dataset } from "../../lib/data/index.js";
import { ready } from "../../lib/engine/index.js";
import { Random } from "../../lib/engine/random.js";
import { mlp } from "../../lib/models/index.js";
import { ReferenceAccumulators, TensorAccumulators } from "../../lib/relaxation/accumulators.js";
import { gate, gateSlope, relaxationSettings, type RelaxationSettings, updates } from "../../lib/relaxation/index.js";
import { clip, type Update } from "../../lib/relaxation/updates/update.js";
import { type Search, search } from "../../lib/search/index.js";
import { searchSpace } from "../../lib/space/index.js";
import { type Bound, certificate, type Certificate } from "../../lib/theory/index.js";
import { withFault } from "./faults.js";
import { adversaries, type Adversary, contest } from "./sequences.js";

/** A fault to be put into a run; what isn't named is as it should be. */
interface Mutation {
  /** The gradient that the update gets. */
  readonly moved?: (g: Float64Array) => Float64Array;
  /** The hot temperature of the update. */
  readonly hot?: (settings: RelaxationSettings) => number;
  /** The step size of the update. */
  readonly step?: (stepSize: number) => number;
  /** The accumulators read the gates after the update. */
  readonly late?: boolean;
  /** The gradient that the accumulators get. */
  readonly fed?: (g: Float64Array, before: Float64Array) => Float64Array;
  /** The box that the update clips to. */
  readonly box?: (bound: number) => number;
}

/** The loop of a relaxation written out, so that faults can be put into it. */
function run(settings: RelaxationSettings, adversary: Adversary, steps: number, mutation: Mutation): Certificate {
  const { coldTemperature, stepSize, logitBound, gateCount } = settings;
  const logits = settings.initialLogits.slice();
  const memory = updates[settings.update].memory(gateCount);
  const sums = new ReferenceAccumulators(logits);
  const random = new Random(1, "adversary");
  const gates = (): Float64Array => logits.map((x) => gate(x, coldTemperature));
  const hot = mutation.hot?.(settings) ?? settings.hotTemperature;
  let before: Float64Array = new Float64Array(gateCount);
  for (let step = 0; step < steps; step++) {
    const a = gates();
    const g = adversary(a, step, random);
    const moved = mutation.moved?.(g) ?? g;
    const v = logits.map((x, i) => gateSlope(x, hot) * moved[i]);
    updates[settings.update].move(logits, memory, moved, v, {
      hot,
      bound: mutation.box?.(logitBound) ?? logitBound,
      stepSize: mutation.step?.(stepSize) ?? stepSize,
      step,
    });
    sums.add(mutation.late ? gates() : a, mutation.fed?.(g, before) ?? g);
    sums.moved(logits);
    before = g;
  }
  const mask = Uint8Array.from(logits, (x) => (x > 0 ? 1 : 0));
  // A logit that has left the box is no comparator.
  const read = sums.read(logits.map((x) => clip(x, logitBound)));
  return certificate(read, settings, mask);
}

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
    sums.read(logits, squares),
    settings,
    logits.map((x) => (x > 0 ? 1 : 0)),
  );
  tf.dispose(state);
  sums.dispose();
  return result;
}

const mutations: Record<string, Mutation> = {
  "the sign": { moved: (g) => g.map((x) => -x) },
  "the slope at the cold temperature": { hot: ({ coldTemperature }) => coldTemperature },
  "a step four times as large as stated": { step: (stepSize) => 4 * stepSize },
  "gates read after the update": { late: true },
  "accumulators fed the gradient of the step before": { fed: (_g, before) => before },
  "accumulators fed half the gradient": { fed: (g) => g.map((x) => x / 2) },
};

/** A run in which faults may show. */
interface Stage {
  readonly stepSize: number;
  readonly steps: number;
  readonly initialLogits?: readonly number[];
  /** The adversaries that come on; all of them if nothing is said. */
  readonly only?: readonly string[];
}

/** Small steps for long, steps at which gates swing, and gates that start on the wrong side. */
const stages: readonly Stage[] = [
  { stepSize: 0.05, steps: 200 },
  { stepSize: 0.4, steps: 200 },
  { stepSize: 3, steps: 60 },
  { stepSize: 3, steps: 400, initialLogits: [2, -2], only: ["constant"] },
  // The adaptive bound grows with the root of the steps only, so that it takes many to use it up.
  { stepSize: 6, steps: 20_000, only: ["awayFromTheGates"] },
];

describe("the certificate bites", () => {
  for (const update of ["mirror", "euler", "adaptive"] as const) {
    for (const [name, mutation] of Object.entries({ "nothing wrong": {}, ...mutations })) {
      // The adaptive update doesn't depend on the gradients' scale: this is a faultless run with half the gradients.
      if (update === "adaptive" && name === "accumulators fed half the gradient") continue;
      test(`${update}: ${name}`, (context) => {
        const broken: string[] = [];
        let runs = 0;
        for (const { steps, stepSize, initialLogits, only = Object.keys(adversaries) } of stages) {
          const box = { coldTemperature: 0.1, hotTemperature: 0.5, logitBound: 2 };
          const options = relaxationSettings({ gateCount: 2, update, ...box, stepSize, initialLogits });
          for (const kind of only) {
            const adversary = adversaries[kind];
            runs++;
            const result = run(options, adversary, steps, mutation);
            if (result.holds) continue;
            const sides = (["atFinal", "atWorst", "atTightestGate", "fromBelow"] as const).filter(
              (side) => result[side]?.holds === false,
            );
            broken.push(`${kind} at step size ${stepSize} (${sides.join(", ")})`);
          }
        }
        if (name === "nothing wrong") return assert.deepEqual(broken, []);
        context.diagnostic(`seen on ${broken.length} of ${runs}: ${broken[0]}`);
        assert.ok(broken.length > 0);
      });
    }
  }
});

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
        return holds ? [] : [`${kind}: ${seen.map(([side]) => side)}`];
      });
      if (name === "nothing wrong") return assert.deepEqual(broken, []);
      context.diagnostic(`seen on ${broken.join("; ")}`);
      assert.ok(broken.length > 0);
    });
  }
});

describe("a real search with a fault", () => {
  // 64 gates are float64, 17,664 are float32 tensors.
  for (const [gates, hidden] of [
    ["input", [8]],
    ["weight", [256]],
  ] as const) {
    test(`of ${gates} gates ends with the step, the gate and the terms of what is violated`, async () => {
      await ready();
      const source = (await dataset("digits:0-4")).standardised();
      const space = searchSpace(mlp({ inputShape: source.inputShape, hidden: [...hidden], classes: 5 }), { gates });
      const begun = (): Search => search(space, source, { density: 0.2, steps: 60, seed: 1 });
      assert.equal((await begun().run()).certificate().holds, true);
      const { adaptive } = updates;
      const uphill: Update = {
        ...adaptive,
        move: (logits, memory, g, v, at) =>
          adaptive.move(
            logits,
            memory,
            g.map((x) => -x),
            v,
            at,
          ),
        moveTensors: (logits, memory, g, v, at, numbers) =>
          adaptive.moveTensors(logits, memory, tf.neg(g), v, at, numbers),
      };
      await withFault("adaptive", uphill, async () => {
        const violated =
          /^Theorem 8 is violated after step 60: regret .*, above .*\(.*term .*tolerance .*please report it$/;
        const expected = { code: "theory/violated", message: violated };
        await assert.rejects(begun().run(), expected);
        await assert.rejects(async () => {
          for await (const { step } of begun()) assert.ok(step < 60);
        }, expected);
      });
    });
  }
});

describe("what the certificate can't see", () => {
  const options = { gateCount: 2, coldTemperature: 0.1, hotTemperature: 0.5, logitBound: 2, stepSize: 0.4 };

  test("a lost clip: the bounds hold without a box too, and the logits leave it", () => {
    for (const update of ["mirror", "euler"] as const) {
      const settings = relaxationSettings({ ...options, update });
      for (const kind of Object.keys(adversaries)) {
        const { atFinal, atWorst } = run(settings, adversaries[kind], 200, { box: () => Infinity });
        assert.ok(atFinal.holds && atWorst.holds, kind);
      }
    }
  });

  test("so here: no update leaves the box, whatever the gradients", () => {
    for (const update of ["mirror", "euler", "adaptive", "adam"] as const) {
      const settings = relaxationSettings({ ...options, update });
      for (const kind of Object.keys(adversaries)) {
        const { range } = contest(settings, adversaries[kind], 200, 0).accumulators();
        assert.ok(Math.min(...range!.lowest) >= -2 && Math.max(...range!.highest) <= 2, `${update} ${kind}`);
      }
    }
  });
});
