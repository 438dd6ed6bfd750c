import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { Random } from "../../lib/engine/index.js";
import {
  type Architecture,
  type GateKind,
  type GateSelector,
  type SearchSpace,
  searchSpace,
} from "../../lib/space/index.js";
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

/** What relaxed counts count. */
export const measures = ["parameters", "multiplyAdds"] as const;

/** A relaxed count as a number. */
export const relaxedCount = (
  space: SearchSpace,
  gates: ArrayLike<number>,
  measure: (typeof measures)[number],
): number => tf.tidy(() => space.relaxedCount(tf.tensor1d(Float32Array.from(gates)), measure).dataSync()[0]);

/** The relaxed counts at an architecture's vertex are its counts. */
function assertRelaxedCounts({ space, mask, counts }: Architecture): void {
  for (const measure of measures) {
    const relaxed = relaxedCount(space, mask, measure);
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

/** As {@link checkRandomModels}: the relaxed counts are the counts. */
export function checkRelaxedModels(gates: GateSelector): number {
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
  return compared;
}

/** The gradient of the relaxed count of a model's units is that of finite differences. */
export function checkRelaxedGradient(model: tf.LayersModel): void {
  const space = searchSpace(model, { gates: "unit" });
  const at = new Random(1).uniforms(space.gateCount, 0.3, 0.9);
  const gradient = tf.tidy(() =>
    tf
      .grad((gates: tf.Tensor) => space.relaxedCount(gates as tf.Tensor1D, "parameters"))(tf.tensor1d(at))
      .dataSync(),
  );
  const step = 1e-2;
  for (let i = 0; i < space.gateCount; i += 3) {
    const moved = [1, -1].map((sign) => relaxedCount(space, at.with(i, at[i] + sign * step), "parameters"));
    const difference = (moved[0] - moved[1]) / (2 * step);
    assert.ok(
      Math.abs(gradient[i] - difference) < 0.01 * Math.abs(difference) + 0.5,
      `gate ${i}: ${gradient[i]}, ${difference}`,
    );
  }
}
