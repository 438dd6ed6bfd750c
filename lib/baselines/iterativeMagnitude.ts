import * as tf from "@tensorflow/tfjs";
import { train } from "../search/train.js";
import { type Architecture, searchSpace } from "../space/index.js";
import type { Baseline, BaselineContext, Candidate } from "./baseline.js";
import { fullArchitecture } from "./full.js";
import { withoutWeights } from "./gateSums.js";
import { type Cost, keepAtCost } from "./keepAtCost.js";
import { magnitudes } from "./magnitude.js";

/** The part of training after which the weights are taken to which all rounds rewind. */
const rewinding = 0.05;

/** Trains the compacted network of an architecture on the source; weights in and out are in the full shapes. */
async function trainCompacted(
  architecture: Architecture,
  weights: readonly Float32Array[],
  { source, trained, signal, seed }: BaselineContext,
  draw: readonly [purpose: string, ...numbers: number[]],
  steps: number,
): Promise<Float32Array[]> {
  const model = architecture.compact(weights);
  const compacted = searchSpace(model, { gates: () => "none" });
  const { plan } = compacted;
  const start = compacted.currentWeights().map((values, w) => tf.tensor(values, [...plan.weights[w].shape]));
  const { batch, stepSize } = trained.options;
  const ended = await train(plan, source, start, { steps, batch, stepSize, signal, draws: [seed, ...draw] });
  const origins = architecture.origins();
  const full = weights.map((values) => values.slice());
  plan.weights.forEach(({ name }, w) => {
    const { weight, entries } = origins.get(name)!;
    const values = ended[w].dataSync<"float32">();
    entries.forEach((entry, i) => (full[weight][entry] = values[i]));
  });
  tf.dispose([start, ended]);
  model.dispose();
  return full;
}

/** What is asked for after a round: costs and density fall geometrically from the full model's to the matched ones'. */
function between({ space, density, counts }: Architecture, part: number): Cost {
  const at = (whole: number, last: number): number => Math.round(whole * (last / Math.max(1, whole)) ** part);
  return {
    density: density ** part,
    counts: {
      parameters: at(space.full.parameters, counts.parameters),
      multiplyAdds: at(space.full.multiplyAdds, counts.multiplyAdds),
    },
  };
}

/**
 * Lottery tickets: train, prune about half of what is left by magnitude, rewind the rest to where they were early in
 * training, and again until the cost is met. Retraining starts from the rewound weights.
 *
 * Source: Frankle, Dziugaite, Roy, Carbin, Linear mode connectivity and the lottery ticket hypothesis, 2020.
 */
export const iterativeMagnitude: Baseline = {
  name: "iterative-magnitude",
  label: "iterative magnitude, rewound",
  refuses: withoutWeights,
  candidates: async (context) => {
    const { space, learned, trained, seed } = context;
    const { steps } = trained.options;
    const candidates: Candidate[] = [];
    for (const [i, matched] of learned.entries()) {
      const early = Math.max(1, Math.round(rewinding * steps));
      const fresh = space.drawWeights([seed, "lottery ticket", i]);
      const rewound = await trainCompacted(fullArchitecture(space), fresh, context, ["lottery rewinding", i], early);
      const rounds = Math.max(1, Math.ceil(-Math.log2(matched.density)));
      let architecture = fullArchitecture(space);
      for (let round = 1; round <= rounds; round++) {
        const ended = await trainCompacted(architecture, rewound, context, ["lottery round", i, round], steps);
        const { mask } = architecture;
        // Closed gates stay closed.
        const scores = magnitudes(space, ended).map((score, gate) => (mask[gate] ? score : -1));
        const cost = round < rounds ? between(matched, round / rounds) : matched;
        architecture = keepAtCost(space, scores, cost, { method: "iterative-magnitude", seed, number: i });
      }
      candidates.push({ architecture, weights: rewound });
    }
    return candidates;
  },
};
