import { estimators, type EstimatorName, type UpdateName, updates } from "../relaxation/index.js";
import { search, type SearchOptions } from "../search/index.js";
import type { Architecture } from "../space/index.js";
import type { Baseline, Candidate } from "./baseline.js";
import { keepAtCost } from "./keepAtCost.js";

/** The settings of the search that an architecture comes from. */
function settingsOf({ provenance }: Architecture): SearchOptions | undefined {
  return provenance.settings as SearchOptions | undefined;
}

/** The same searches, seed for seed, with some settings changed; `tells` whether the learned ones had them already. */
function searchedWith(
  name: string,
  label: string,
  change: (settings: SearchOptions) => SearchOptions,
  tells: (settings: SearchOptions) => boolean,
): Baseline {
  return {
    name,
    label,
    refuses: (_, learned) => {
      const settings = learned.map(settingsOf);
      if (!settings.every((one) => one !== undefined)) {
        return "the learned architectures don't tell the settings of their searches";
      }
      return settings.some(tells) ? `the learned architectures were searched by ${name} themselves` : undefined;
    },
    candidates: async ({ space, source, learned, signal }) => {
      const candidates: Candidate[] = [];
      for (const matched of learned) {
        const run = await search(space, source, change(settingsOf(matched)!)).run({ signal });
        const provenance = { method: name, settings: { ...run.settings } };
        candidates.push({ architecture: keepAtCost(space, run.logits(), matched, provenance) });
        run.dispose();
      }
      return candidates;
    },
  };
}

/** With another update, at its own step size. */
function movedBy(update: UpdateName): Baseline {
  const change = (settings: SearchOptions): SearchOptions => ({ ...settings, update, stepSize: undefined });
  return searchedWith(update, `searched by the update ${update}`, change, (settings) => settings.update === update);
}

/** With another estimator of the gates' gradient. */
function searchedBy(estimator: EstimatorName, label: string): Baseline {
  const change = (settings: SearchOptions): SearchOptions => {
    // Updates with a certificate need the hot slope; Adam takes every estimator, at its own step size.
    const fits = updates[settings.update ?? "adaptive"].takes(estimators[estimator]);
    return fits ? { ...settings, estimator } : { ...settings, estimator, update: "adam", stepSize: undefined };
  };
  return searchedWith(estimator, label, change, (settings) => settings.estimator === estimator);
}

/** Searches whose logits are moved by Adam, which no theorem covers. */
export const adam: Baseline = movedBy("adam");

/** Searches by mirror descent with one step size, certified by Theorem 1. */
export const mirror: Baseline = movedBy("mirror");

/** Searches with noise in place of the two temperatures: logistic noise, a smooth gate. */
export const gumbelSigmoid: Baseline = searchedBy("gumbel-sigmoid", "searched by Gumbel-sigmoid");

/** Searches with stretched and clipped random gates, which can be exactly 0 and 1. */
export const hardConcrete: Baseline = searchedBy("hard-concrete", "searched by hard concrete (L0)");

/** Searches by the score function of Bernoulli gates. */
export const reinforce: Baseline = searchedBy("reinforce", "searched by REINFORCE");

/** Searches with hard gates forward and a smooth slope backward. */
export const straightThrough: Baseline = searchedBy("straight-through", "searched by straight-through");
