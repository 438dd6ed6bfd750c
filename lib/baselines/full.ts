import type { Baseline } from "./baseline.js";

/** The whole model, trained from scratch on the few shots. */
export const full: Baseline = {
  name: "full",
  label: "full model",
  refuses: () => undefined,
  architectures: async ({ space }) => [space.architecture(new Uint8Array(space.gateCount).fill(1), { method: "full" })],
};
