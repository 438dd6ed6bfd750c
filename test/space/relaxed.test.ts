import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { Random, ready } from "../../lib/engine/index.js";
import { cellStages, mlp, operationNetwork, resnet, vgg } from "../../lib/models/index.js";
import { type GateSelector, type SearchSpace, searchSpace } from "../../lib/space/index.js";
import { randomArchitecture } from "./compactionProperty.js";
import { assertRelaxedCounts, selectors } from "./kinds.js";
import { buildModel, recipes } from "./randomGraph.js";

const measures = ["parameters", "multiplyAdds"] as const;
const value = (space: SearchSpace, gates: ArrayLike<number>, measure: (typeof measures)[number]): number =>
  tf.tidy(() => space.relaxedCount(tf.tensor1d(Float32Array.from(gates)), measure).dataSync()[0]);

describe("the relaxed count", () => {
  before(() => ready());

  for (const [kind, gates] of Object.entries(selectors)) {
    test(`is the count at vertices: random models with ${kind} gates`, () => {
      let compared = 0;
      fc.assert(
        fc.property(recipes(10), fc.constantFrom(0.3, 0.6, 1), fc.nat(1000), (recipe, density, seed) => {
          const model = buildModel(recipe);
          const space = searchSpace(model, { gates });
          const architecture = randomArchitecture(space, density, seed);
          model.dispose();
          if (!architecture || space.gateCount === 0) return;
          compared += 1;
          assertRelaxedCounts(architecture);
        }),
        { numRuns: 10, seed: 3, includeErrorInReport: true },
      );
      assert.ok(compared >= 3, `${compared} of 10 were compared`);
    });
  }

  test("is the count at vertices of networks of operations and of residual networks", () => {
    const spaces = [
      searchSpace(operationNetwork({ inputShape: [8, 8, 1], classes: 3, stages: cellStages(4) }), { gates: "op" }),
      searchSpace(resnet({ depth: 8, inputShape: [8, 8, 1], classes: 3, filters: 3 }), { gates: "unit" }),
      searchSpace(resnet({ depth: 14, inputShape: [8, 8, 1], classes: 3, filters: 3 }), { gates: "block" }),
    ];
    for (const space of spaces) {
      for (let seed = 0; seed < 4; seed++) {
        const architecture = space.within(new Random(seed).normals(space.gateCount), { density: 0.5 });
        for (const measure of measures) {
          const counted = architecture.counts[measure];
          assert.ok(Math.abs(value(space, architecture.mask, measure) / counted - 1) < 1e-5, measure);
        }
      }
    }
  });

  test("is multilinear between vertices where no layer starves", () => {
    const near = (space: SearchSpace, gates: Float32Array, expected: number): void => {
      const relaxed = value(space, gates, "parameters");
      assert.ok(Math.abs(relaxed / expected - 1) < 1e-3, `${relaxed} is not ${expected}`);
    };
    const model = mlp({ inputShape: [20], hidden: [30], classes: 4 });
    const sum = (gates: Float32Array): number => gates.reduce((total, gate) => total + gate, 0);
    const inputs = new Random(1).uniforms(20, 0.3, 0.9);
    near(searchSpace(model, { gates: "input" }), inputs, 30 * sum(inputs) + 30 + 30 * 4 + 4);
    const units = new Random(2).uniforms(30, 0.3, 0.9);
    near(searchSpace(model, { gates: "unit" }), units, (20 + 1 + 4) * sum(units) + 4);
  });

  test("is the mean over vertices drawn by the gates, where all can be enumerated", () => {
    const stages = [
      { name: "stem", operations: ["conv3"], filters: 4 },
      { name: "edge", operations: ["conv3", "depthwise3", "max3", "average3", "skip", "conv5"] },
    ];
    const cases: [tf.LayersModel, GateSelector, number][] = [
      [resnet({ depth: 14, inputShape: [8, 8, 1], classes: 3, filters: 3 }), "block", 1e-5],
      [vgg({ depth: 16, classes: 3, width: 1 / 32 }), "block", 1e-5],
      [mlp({ inputShape: [7], hidden: [4], classes: 2 }), "input", 1e-3],
      [
        operationNetwork({ inputShape: [8, 8, 1], classes: 3, stages }),
        (layer) => (layer.name === "edge" ? "op" : "none"),
        1e-3,
      ],
    ];
    for (const [model, gates, tolerance] of cases) {
      const space = searchSpace(model, { gates });
      const at = new Random(1, model.name).uniforms(space.gateCount, 0.7, 0.95);
      for (const measure of measures) {
        let mean = 0;
        for (let vertex = 0; vertex < 2 ** space.gateCount; vertex++) {
          const mask = Uint8Array.from(at, (_, i) => (vertex >> i) & 1);
          const chance = mask.reduce((product, open, i) => product * (open ? at[i] : 1 - at[i]), 1);
          mean += chance * space.count(mask)[measure];
        }
        const relaxed = value(space, at, measure);
        assert.ok(Math.abs(relaxed / mean - 1) < tolerance, `${model.name} ${measure}: ${relaxed} is not ${mean}`);
      }
    }
  });

  test("has the gradient that differences give", () => {
    const space = searchSpace(resnet({ depth: 8, inputShape: [6, 6, 1], classes: 2, filters: 2 }), { gates: "unit" });
    const at = new Random(1).uniforms(space.gateCount, 0.3, 0.9);
    const gradient = tf.tidy(() =>
      tf
        .grad((gates: tf.Tensor) => space.relaxedCount(gates as tf.Tensor1D, "parameters"))(tf.tensor1d(at))
        .dataSync(),
    );
    const step = 1e-2;
    for (let i = 0; i < space.gateCount; i += 3) {
      const moved = [1, -1].map((sign) => value(space, at.with(i, at[i] + sign * step), "parameters"));
      const difference = (moved[0] - moved[1]) / (2 * step);
      assert.ok(
        Math.abs(gradient[i] - difference) < 0.01 * Math.abs(difference) + 0.5,
        `gate ${i}: ${gradient[i]}, ${difference}`,
      );
    }
  });

  test("leaves no tensor behind", () => {
    const space = searchSpace(mlp({ inputShape: [4], hidden: [3], classes: 2 }), { gates: "weight" });
    const before = tf.memory().numTensors;
    value(space, new Float32Array(space.gateCount).fill(0.5), "multiplyAdds");
    assert.equal(tf.memory().numTensors, before);
  });
});
