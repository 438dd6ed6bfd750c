import { Random } from "../engine/index.js";
import { onlyKinds, type Baseline } from "./baseline.js";
import { inputDeviations } from "./inputDeviations.js";
import { keepAtCost } from "./keepAtCost.js";
import { preferring } from "./preferring.js";
import { refusal } from "./refusal.js";

/** Inputs drawn at random among those that vary on the source: the fair random control of input gates. */
export const randomVarying: Baseline = {
  name: "random-varying",
  label: "random among inputs that vary",
  refuses: (space) => (onlyKinds(space, "input") ? undefined : "only input gates have inputs that never vary"),
  candidates: async ({ space, source, learned, randomCount, seed }) => {
    const deviations = inputDeviations(source);
    const varying = deviations.filter((deviation) => deviation > 0).length;
    return Array.from({ length: randomCount }, (_, i) => {
      const matched = learned[i % learned.length];
      const kept = matched.mask.reduce((sum, bit) => sum + bit, 0);
      if (kept > varying) throw refusal(`${varying} inputs of ${source.name} vary, ${kept} are to be kept`);
      const random = new Random(seed, "random varying architecture", i);
      const scores = preferring((gate) => deviations[gate] > 0, space.gateCount, random);
      return { architecture: keepAtCost(space, scores, matched, { method: "random-varying", seed, number: i }) };
    });
  },
};
