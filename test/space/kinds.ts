import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { type Architecture, type GateKind, type GateSelector, searchSpace } from "../../lib/space/index.js";
import { checkArchitecture, checkCompaction, randomArchitecture } from "./compactionProperty.js";
import { buildCell, buildModel, cells, recipes } from "./randomGraph.js";

const mixed = (layer: tf.layers.Layer): GateKind | "none" => {
  const className = layer.getClassName();
  if (className === "InputLayer") return "input";
  if (!["Dense", "Conv2D"].includes(className)) return "none";
  return layer.name.length % 2 ? "unit" : "weight";
};

/** The gates that random models get. */
export const selectors: Readonly<Record<string, GateSelector>> = {
  input: "input",
  weight: "weight",
  unit: "unit",
  block: "block",
  mixed,
};

/** Random networks of operations at random vertices: masked and compacted are the same network, relaxed counts the same. */
export function checkRandomCells(numRuns: number, seed: number): number {
  let compared = 0;
  fc.assert(
    fc.property(cells, fc.constantFrom(0.4, 0.7, 1), fc.nat(1000), (recipe, density, draw) => {
      const model = buildCell(recipe);
      const architecture = randomArchitecture(searchSpace(model, { gates: "op" }), density, draw);
      if (architecture) {
        checkArchitecture(architecture, draw);
        assertRelaxedCounts(architecture);
        compared += 1;
      }
      model.dispose();
    }),
    { numRuns, seed, includeErrorInReport: true },
  );
  return compared;
}

/** The relaxed counts at an architecture's vertex are its counts. */
export function assertRelaxedCounts({ space, mask, counts }: Architecture): void {
  for (const measure of ["parameters", "multiplyAdds"] as const) {
    const relaxed = tf.tidy(() => space.relaxedCount(tf.tensor1d(Float32Array.from(mask)), measure).dataSync()[0]);
    assert.ok(
      Math.abs(relaxed - counts[measure]) <= 1e-5 * counts[measure] + 1e-3,
      `${measure}: ${relaxed} is not ${counts[measure]}`,
    );
  }
}

/**
 * Random models of up to `layers` layers at random vertices: masked and compacted are the same network.
 *
 * @returns how many vertices were connected, so that there was something to compare
 */
export function checkRandomModels(gates: GateSelector, layers: number, numRuns: number, seed: number): number {
  let compared = 0;
  fc.assert(
    fc.property(recipes(layers), fc.constantFrom(0.2, 0.5, 0.8, 1), fc.nat(1000), (recipe, density, draw) => {
      const model = buildModel(recipe);
      compared += checkCompaction(model, gates, density, draw) ? 1 : 0;
      model.dispose();
    }),
    { numRuns, seed, includeErrorInReport: true },
  );
  return compared;
}
