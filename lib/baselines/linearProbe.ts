import type { Baseline } from "./baseline.js";
import { fromSource } from "./fineTuned.js";

/** The whole model trained on the source; of it only a new head is trained on the few shots. */
export const linearProbe: Baseline = {
  name: "linear-probe",
  label: "linear probe of the full model",
  refuses: () => undefined,
  candidates: async (context) => (await fromSource(context)).map((candidate) => ({ ...candidate, frozen: true })),
};
