import type { Baseline, BaselineContext, Candidate } from "./baseline.js";
import { fullArchitecture } from "./full.js";

/** The full model with the weights of each training on the source. */
export async function fromSource({ space, learned, trained }: BaselineContext): Promise<Candidate[]> {
  const architecture = fullArchitecture(space);
  const candidates: Candidate[] = [];
  for (const i of learned.keys()) candidates.push({ architecture, weights: await trained.model(i) });
  return candidates;
}

/** The whole model trained on the source, then all of it on the few shots. */
export const fineTuned: Baseline = {
  name: "fine-tuned",
  label: "full model, fine-tuned",
  refuses: () => undefined,
  candidates: fromSource,
};
