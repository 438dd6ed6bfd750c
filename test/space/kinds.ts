import type * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import type { GateKind, GateSelector } from "../../lib/space/index.js";
import { checkCompaction } from "./compactionProperty.js";
import { buildModel, recipes } from "./randomGraph.js";

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
