import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type * as tf from "@tensorflow/tfjs";
import { Random, ready } from "../../lib/engine/index.js";
import { cellStages, mlp, operationNetwork, resnet, vgg } from "../../lib/models/index.js";
import { type GateSelector, searchSpace } from "../../lib/space/index.js";
import { checkRelaxedGradient, checkRelaxedModels, measures, relaxedCount, selectors } from "./kinds.js";

describe("the relaxed count", () => {
  before(() => ready());

  for (const kind of ["input", "weight", "unit", "block"]) {
    test(`is the count at vertices: random models with ${kind} gates`, () => {
      const compared = checkRelaxedModels(selectors[kind]);
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
          assert.ok(Math.abs(relaxedCount(space, architecture.mask, measure) / counted - 1) < 1e-5, measure);
        }
      }
    }
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
        const relaxed = relaxedCount(space, at, measure);
        assert.ok(Math.abs(relaxed / mean - 1) < tolerance, `${model.name} ${measure}: ${relaxed} is not ${mean}`);
      }
    }
  });

  test("has the gradient that differences give", () => {
    checkRelaxedGradient(resnet({ depth: 8, inputShape: [6, 6, 1], classes: 2, filters: 2 }));
  });
});
