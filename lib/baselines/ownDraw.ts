import type { SearchOptions } from "../search/index.js";
import type { Baseline } from "./baseline.js";

const seedOf = (settings: unknown): number | undefined => (settings as SearchOptions | undefined)?.seed;

/**
 * The learned architectures retrained from the very draw of the weights that their search began with, in place of fresh
 * ones: the same only if what was learned doesn't depend on the weights.
 */
export const ownDraw: Baseline = {
  name: "own-draw",
  label: "learned, from its search's draw",
  refuses: (_, learned) =>
    learned.every(({ provenance }) => seedOf(provenance.settings) !== undefined)
      ? undefined
      : "the learned architectures don't tell the seeds of their searches",
  candidates: async ({ learned }) =>
    learned.map((architecture) => ({
      architecture,
      weights: architecture.initialise(seedOf(architecture.provenance.settings)!, "search weights", 0),
    })),
};
