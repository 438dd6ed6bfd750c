import { Random } from "../engine/index.js";
import type { Baseline } from "./baseline.js";
import { randomAtCost } from "./sameCost.js";

/** Gates drawn at random at the cost of a learned architecture; of units, widths. */
export const random: Baseline = {
  name: "random",
  label: "random, same cost",
  refuses: ({ groups }) =>
    groups.length === 1 && groups[0].kind === "unit"
      ? "one layer of units has one width at each cost (Proposition 6: which units are kept changes nothing)"
      : undefined,
  candidates: async ({ space, learned, randomCount, seed }) =>
    Array.from({ length: randomCount }, (_, i) => ({
      architecture: randomAtCost(
        space,
        learned[i % learned.length],
        (draw) => new Random(seed, "random architecture", i, draw),
        { method: "random", seed, number: i },
      ),
    })),
};
