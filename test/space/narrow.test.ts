import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { Random, ready } from "../../lib/engine/index.js";
import { cnn, mlp, resnet, vgg } from "../../lib/models/index.js";
import { stepEvaluator, trainingCrossEntropy } from "../../lib/search/objective.js";
import { NarrowingEvaluator } from "../../lib/search/narrowing.js";
import { forward, gateSlots, type GateKind, searchSpace, type SearchSpace } from "../../lib/space/index.js";
import { forwardSlots, expandGates } from "../../lib/space/forward.js";
import { asTensors } from "../../lib/space/initialise.js";
import { narrow } from "../../lib/space/narrow.js";
import { assertClose, normalInputs, randomArchitecture, randomWeights } from "./compactionProperty.js";
import { buildModel, recipes } from "./randomGraph.js";

const tensorsOf = ({ plan }: SearchSpace, seed: number): tf.Tensor[] =>
  asTensors(plan.weights, randomWeights(plan, seed));

/** Gates that are anything where open, and nothing where closed. */
const gatesAt = (mask: Uint8Array, seed: number): tf.Tensor1D => {
  const random = new Random(seed, "gates");
  return tf.tensor1d(Float32Array.from(mask, (isOpen) => (isOpen ? 0.3 + 0.7 * random.uniform() : 0)));
};

/**
 * Checks that the narrowed network gives the whole one's outputs.
 *
 * @returns false where it can't be narrowed
 */
function checkNarrowed(space: SearchSpace, mask: Uint8Array, seed: number): boolean {
  const slots = gateSlots(space.plan);
  const narrowed = narrow(space, slots, mask);
  if (!narrowed) return false;
  tf.tidy(() => {
    const [weights, gates] = [tensorsOf(space, seed), gatesAt(mask, seed)];
    const inputs = normalInputs(space.model, 4, seed);
    const whole = forward(space.plan, weights, gates, inputs);
    const { values } = expandGates(slots, gates);
    const { plan, slots: places } = narrowed;
    const small = forwardSlots(plan, places, narrowed.weights(weights), narrowed.slotGates(values), inputs);
    whole.forEach((output, o) => assertClose(small[o], output, 1e-4, `output ${o}`));
  });
  narrowed.dispose();
  return true;
}

describe("a network without its closed gates", () => {
  before(() => ready());

  for (const gates of ["unit", "input"] as const) {
    test(`gives what the whole one gives: random models with ${gates} gates`, () => {
      let compared = 0;
      fc.assert(
        fc.property(recipes(10), fc.constantFrom(0.2, 0.5, 0.8), fc.nat(1000), (recipe, density, draw) => {
          const model = buildModel(recipe);
          const space = searchSpace(model, { gates });
          const architecture = space.gateCount > 0 && randomArchitecture(space, density, draw);
          if (architecture && checkNarrowed(space, architecture.mask, draw)) compared += 1;
          model.dispose();
        }),
        { numRuns: 30, seed: 1, includeErrorInReport: true },
      );
      assert.ok(compared >= 8, `${compared} of 30 were compared`);
    });
  }

  const models: readonly (readonly [string, () => tf.LayersModel, GateKind, number])[] = [
    ["a perceptron's units", () => mlp({ inputShape: [20], hidden: [16, 12], classes: 3 }), "unit", 0.3],
    ["a perceptron's inputs", () => mlp({ inputShape: [20], hidden: [16], classes: 3 }), "input", 0.3],
    [
      "a convolutional network's units",
      () => cnn({ inputShape: [12, 12, 1], filters: [8, 12], dense: 16, classes: 3 }),
      "unit",
      0.4,
    ],
    [
      "a residual network's units",
      () => resnet({ inputShape: [16, 16, 3], depth: 8, filters: 8, classes: 3 }),
      "unit",
      0.4,
    ],
    [
      "a residual network's blocks",
      () => resnet({ inputShape: [16, 16, 3], depth: 14, filters: 4, classes: 3 }),
      "block",
      0.4,
    ],
    ["VGG's units", () => vgg({ inputShape: [32, 32, 3], depth: 11, width: 0.125, classes: 3 }), "unit", 0.4],
  ];
  for (const [name, build, kind, density] of models) {
    test(`has its loss and its gradients, zero where it is closed: ${name}`, () => {
      const space = searchSpace(build(), { gates: kind });
      const slots = gateSlots(space.plan);
      const { mask } = randomArchitecture(space, density, 5)!;
      const evaluator = new NarrowingEvaluator({ space, slots, wholeEvery: 2 }, true);
      evaluator.load(mask);
      assert.deepEqual(evaluator.save(), mask, "it is narrowed");
      const whole = stepEvaluator(space.plan, slots, trainingCrossEntropy(space.plan, slots, false), true);
      const [weights, gates] = [tensorsOf(space, 3), gatesAt(mask, 4)];
      const labels = tf.cast(tf.oneHot(tf.tensor1d([0, 1, 2, 0, 1, 2, 0, 1], "int32"), 3), "float32");
      const batch = [...normalInputs(space.model, 8, 6), labels];
      const expected = whole(weights, gates, batch, [0]);
      const found = evaluator.evaluate(1, weights, gates, batch, [0]);
      assertClose(found.loss, expected.loss, 1e-5, "loss");
      const open = tf.tensor1d(Float32Array.from(mask));
      assertClose(found.gateGradient, tf.mul(expected.gateGradient, open), 1e-4, "gates");
      const largest = Math.max(...expected.weightGradients.map((gradient) => tf.max(tf.abs(gradient)).dataSync()[0]));
      expected.weightGradients.forEach((gradient, w) =>
        assertClose(found.weightGradients[w], gradient, 1e-4, `weight ${w}`, largest),
      );
    });
  }

  test("isn't made of gates on weights or operations, nor where it is cut", () => {
    const model = mlp({ inputShape: [4], hidden: [3], classes: 2 });
    const weights = searchSpace(model, { gates: "weight" });
    assert.equal(narrow(weights, gateSlots(weights.plan), new Uint8Array(weights.gateCount).fill(1)), undefined);
    const units = searchSpace(model, { gates: "unit" });
    assert.equal(narrow(units, gateSlots(units.plan), new Uint8Array(units.gateCount)), undefined);
  });
});
