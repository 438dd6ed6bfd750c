import { Random } from "../engine/index.js";
import { onlyKinds, type Baseline } from "./baseline.js";
import { keepAtCost } from "./keepAtCost.js";
import { preferring } from "./preferring.js";

/**
 * The learned gates inverted at the same cost: as many gates as were learned, drawn at random among those that the
 * learned architecture closed. (All closed gates together would cost more, so they would be no control.)
 */
export const inverted: Baseline = {
  name: "inverted",
  label: "inverted, same cost",
  refuses: (space, learned) => {
    if (!onlyKinds(space, "input", "weight")) {
      return "units are exchangeable, and the closed operations or blocks have another cost: only inputs and weights are inverted";
    }
    return learned.some(({ density }) => density > 0.5)
      ? "more than half of the gates are open: fewer are closed than are to be kept"
      : undefined;
  },
  candidates: async ({ space, learned, seed }) =>
    learned.map((matched, i) => {
      const scores = preferring((gate) => !matched.mask[gate], space.gateCount, new Random(seed, "inverted", i));
      return { architecture: keepAtCost(space, scores, matched, { method: "inverted", seed, number: i }) };
    }),
};
