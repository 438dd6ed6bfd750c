import type { RelaxationSettings } from "../../lib/relaxation/index.js";

/** A fault to be put into a run; what isn't named is as it should be. */
export interface Mutation {
  /** The gradient that the update gets. */
  readonly moved?: (g: Float64Array) => Float64Array;
  /** The hot temperature of the update. */
  readonly hot?: (settings: RelaxationSettings) => number;
  /** The step size of the update. */
  readonly step?: (stepSize: number) => number;
  /** The accumulators read the gates after the update. */
  readonly late?: boolean;
  /** The gradient that the accumulators get. */
  readonly fed?: (g: Float64Array, before: Float64Array) => Float64Array;
  /** The box that the update clips to. */
  readonly box?: (bound: number) => number;
}

export const mutations: Record<string, Mutation> = {
  "the sign": { moved: (g) => g.map((x) => -x) },
  "the slope at the cold temperature": { hot: ({ coldTemperature }) => coldTemperature },
  "a step four times as large as stated": { step: (stepSize) => 4 * stepSize },
  "gates read after the update": { late: true },
  "accumulators fed the gradient of the step before": { fed: (_g, before) => before },
  "accumulators fed half the gradient": { fed: (g) => g.map((x) => x / 2) },
};
