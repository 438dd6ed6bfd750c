import { Random } from "../engine/index.js";
import { TwotempError } from "../errors.js";
import { onlyKind, type Baseline } from "./baseline.js";
import { inputDeviations } from "./inputDeviations.js";
import { sameCostMask } from "./sameCost.js";

/** Inputs drawn at random among those that vary on the source: the fair random control of input gates. */
export const randomVarying: Baseline = {
  name: "random-varying",
  label: "random among inputs that vary",
  refuses: (space) => (onlyKind(space, "input") ? undefined : "only input gates have inputs that never vary"),
  architectures: async ({ space, source, learned, randomCount, seed }) => {
    const deviations = inputDeviations(source);
    const varying = new Set(Array.from(deviations.keys()).filter((i) => deviations[i] > 0));
    return Array.from({ length: randomCount }, (_, i) => {
      const matched = learned[i % learned.length];
      const kept = matched.mask.reduce((sum, bit) => sum + bit, 0);
      if (kept > varying.size) {
        throw new TwotempError(
          "baselines/varying",
          `${varying.size} inputs of ${source.name} vary, ${kept} are to be kept: lower the density or leave "random-varying" out`,
        );
      }
      const mask = sameCostMask(space, matched, new Random(seed, "random varying architecture", i), varying);
      return space.architecture(mask, { method: "random-varying", seed, number: i });
    });
  },
};
