import type { Architecture, SearchSpace } from "../space/index.js";
import type { Baseline } from "./baseline.js";

/** The architecture with every gate open. */
export function fullArchitecture(space: SearchSpace): Architecture {
  return space.architecture(new Uint8Array(space.gateCount).fill(1), { method: "full" });
}

/** The whole model, trained from scratch on the few shots. */
export const full: Baseline = {
  name: "full",
  label: "full model",
  refuses: () => undefined,
  candidates: async ({ space }) => [{ architecture: fullArchitecture(space) }],
};
