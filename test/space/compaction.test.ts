import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { ready } from "../../lib/engine/index.js";
import type { GateKind, GateSelector } from "../../lib/space/index.js";
import { checkCompaction } from "./compactionProperty.js";
import { buildModel, recipes } from "./randomGraph.js";

export const kinds: readonly (GateKind | "mixed")[] = ["input", "weight", "unit", "block", "mixed"];

const mixed = (layer: tf.layers.Layer): GateKind | "none" => {
  const className = layer.getClassName();
  if (className === "InputLayer") return "input";
  if (!["Dense", "Conv2D"].includes(className)) return "none";
  return layer.name.length % 2 ? "unit" : "weight";
};

export const selectorOf = (kind: GateKind | "mixed"): GateSelector => (kind === "mixed" ? mixed : kind);

describe("compaction", () => {
  before(() => ready());

  for (const kind of kinds) {
    test(`random models with ${kind} gates: masked and compacted are the same network`, () => {
      let compared = 0;
      fc.assert(
        fc.property(recipes(12), fc.constantFrom(0.5, 0.8, 1), fc.nat(1000), (recipe, density, seed) => {
          const model = buildModel(recipe);
          compared += checkCompaction(model, selectorOf(kind), density, seed) ? 1 : 0;
          model.dispose();
        }),
        { includeErrorInReport: true, numRuns: Number(process.env.RUNS ?? 12), seed: Number(process.env.SEED ?? 1) },
      );
      console.log(kind, compared);
      assert.ok(compared >= 4, `${compared} vertices were connected`);
    });
  }
});
