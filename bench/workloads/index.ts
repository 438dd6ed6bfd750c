import { data } from "./data.js";
import { fewShot } from "./fewShot.js";
import { searches } from "./searches.js";
import type { Workload } from "./workload.js";

export type { Runner, Workload } from "./workload.js";
export { convolutional, examples, maskedTraining, searchSteps } from "./searches.js";

/** Every workload, by name. */
export const workloads: Readonly<Record<string, Workload>> = { ...searches, fewShot, data };
