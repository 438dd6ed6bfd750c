import { Random } from "../engine/index.js";
import type { Baseline } from "./baseline.js";
import { sameCostMask } from "./sameCost.js";

/** Gates drawn uniformly at random, with exactly the cost of a learned architecture. */
export const random: Baseline = {
  name: "random",
  label: "random, same cost",
  refuses: () => undefined,
  architectures: async ({ space, learned, randomCount, seed }) =>
    Array.from({ length: randomCount }, (_, i) => {
      const matched = learned[i % learned.length];
      const mask = sameCostMask(space, matched, new Random(seed, "random architecture", i));
      return space.architecture(mask, { method: "random", seed, number: i });
    }),
};
