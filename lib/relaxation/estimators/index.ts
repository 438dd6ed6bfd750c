import { annealed } from "./annealed.js";
import type { Estimator } from "./estimator.js";
import { gumbelSigmoid } from "./gumbelSigmoid.js";
import { hardConcrete } from "./hardConcrete.js";
import { identityStraightThrough } from "./identityStraightThrough.js";
import { oneTemperature } from "./oneTemperature.js";
import { reinforce } from "./reinforce.js";
import { straightThrough } from "./straightThrough.js";
import { twoTemperature } from "./twoTemperature.js";

export type { Estimator, EstimatorStep, Temperatures } from "./estimator.js";

export type EstimatorName =
  | "two-temperature"
  | "one-temperature"
  | "straight-through"
  | "identity-straight-through"
  | "annealed"
  | "gumbel-sigmoid"
  | "hard-concrete"
  | "reinforce";

/** Every way a gradient can reach the logits, by name. */
export const estimators: Readonly<Record<EstimatorName, Estimator>> = {
  "two-temperature": twoTemperature,
  "one-temperature": oneTemperature,
  "straight-through": straightThrough,
  "identity-straight-through": identityStraightThrough,
  annealed,
  "gumbel-sigmoid": gumbelSigmoid,
  "hard-concrete": hardConcrete,
  reinforce,
};
