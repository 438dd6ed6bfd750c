import { estimators, type EstimatorName, updates } from "../relaxation/index.js";
import { search, type SearchOptions } from "../search/index.js";
import type { Architecture } from "../space/index.js";
import type { Baseline, Candidate } from "./baseline.js";
import { keepAtCost } from "./keepAtCost.js";

/** The settings of the search that an architecture comes from. */
function settingsOf({ provenance }: Architecture): SearchOptions | undefined {
  return provenance.settings as SearchOptions | undefined;
}

/** The same searches, seed for seed, with another estimator of the gates' gradient. */
function searchedBy(estimator: EstimatorName, label: string): Baseline {
  return {
    name: estimator,
    label,
    refuses: (_, learned) =>
      learned.every(settingsOf) ? undefined : "the learned architectures don't tell the settings of their searches",
    candidates: async ({ space, source, learned, signal }) => {
      const candidates: Candidate[] = [];
      for (const matched of learned) {
        const settings = { ...settingsOf(matched)!, estimator };
        // Updates with a certificate need the hot slope; Adam takes every estimator, at its own step size.
        const fits = updates[settings.update ?? "adaptive"].takes(estimators[estimator]);
        const fitting = fits ? settings : { ...settings, update: "adam" as const, stepSize: undefined };
        const run = await search(space, source, fitting).run({ signal });
        const provenance = { method: estimator, settings: { ...run.settings } };
        candidates.push({ architecture: keepAtCost(space, run.logits(), matched, provenance) });
        run.dispose();
      }
      return candidates;
    },
  };
}

/** Searches with noise in place of the two temperatures: logistic noise, a smooth gate. */
export const gumbelSigmoid: Baseline = searchedBy("gumbel-sigmoid", "searched by Gumbel-sigmoid");

/** Searches with stretched and clipped random gates, which can be exactly 0 and 1. */
export const hardConcrete: Baseline = searchedBy("hard-concrete", "searched by hard concrete (L0)");

/** Searches by the score function of Bernoulli gates. */
export const reinforce: Baseline = searchedBy("reinforce", "searched by REINFORCE");

/** Searches with hard gates forward and a smooth slope backward. */
export const straightThrough: Baseline = searchedBy("straight-through", "searched by straight-through");
