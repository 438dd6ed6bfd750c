import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { dataset } from "../../lib/data/index.js";
import { ready } from "../../lib/engine/index.js";
import { Random } from "../../lib/engine/random.js";
import { mlp } from "../../lib/models/index.js";
import { ReferenceAccumulators } from "../../lib/relaxation/accumulators.js";
import { gate, gateSlope, relaxationSettings, type RelaxationSettings, updates } from "../../lib/relaxation/index.js";
import { clip, type Update } from "../../lib/relaxation/updates/update.js";
import { type Search, search } from "../../lib/search/index.js";
import { searchSpace } from "../../lib/space/index.js";
import { certificate, type Certificate } from "../../lib/theory/index.js";
import { withFault } from "./faults.js";
import { type Mutation, mutations } from "./mutation.js";
import { adversaries, type Adversary, contest } from "./sequences.js";

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
            if (result.holds !== false) continue;
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
        assert.ok(atFinal.holds !== false && atWorst.holds !== false, kind);
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
