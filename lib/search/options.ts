import { z } from "zod";
import { TwotempError } from "../errors.js";
import { invalidValue } from "../invalid.js";
import { type EstimatorName, estimators, gate, type UpdateName } from "../relaxation/index.js";
import { type Budget, budgetSchema } from "../space/index.js";
import { type WeightStrategyName, weightStrategies } from "./strategies/index.js";

/** What {@link search} takes. Every option has a default that works. */
export interface SearchOptions {
  /** Fraction of the gates to keep: short for `budget: { density }`. */
  readonly density?: number;
  /**
   * What the architecture may have: a density, parameters, multiply-adds or a pattern, over the whole network or in every
   * group and layer. The price of complexity is steered towards it, and `architecture()` keeps to it. Without a budget
   * the price stays.
   */
  readonly budget?: Budget;
  /** Price of complexity, gamma; where it starts when there is a budget. Default 0.1. */
  readonly penalty?: number;
  /** Largest relative change of the price in one step of steering. Default 0.02. */
  readonly steeringRate?: number;
  /** Part of the steps over which the budget that is steered to falls geometrically from all. Default 0.7; 0 is at once. */
  readonly densityDecay?: number;
  /** What complexity counts: every gate alike, parameters, or multiply-adds. Default: as the budget, else "gates". */
  readonly costs?: "gates" | "parameters" | "multiplyAdds";
  /** Where the weights come from. Default "reset". */
  readonly weights?: WeightStrategyName;
  /** Steps between two draws of the weights. Default 100 for "reset", 1 for "resample" and "constant". */
  readonly redrawEvery?: number;
  /** Step size of Adam for weights that are trained. Default 0.003. */
  readonly weightStepSize?: number;
  /**
   * One step in so many evaluates all gates; the others leave the closed ones out, so that a search of units gets
   * faster as they close. Default 1: all gates in every step. Not with estimators that draw, nor for "episode".
   */
  readonly wholeEvery?: number;
  /** Number of steps. Default 2000. */
  readonly steps?: number;
  /** Examples a step. Default 64. */
  readonly batch?: number;
  /** Support examples a class (5), query examples a class (10), and classes of an episode (all). */
  readonly episode?: { readonly shots?: number; readonly queries?: number; readonly ways?: number };
  /** How gates become numbers forward and slopes backward. Default "two-temperature". */
  readonly estimator?: EstimatorName;
  /** How the logits move; "adam" is the only one without a certificate. Default "adaptive". */
  readonly update?: UpdateName;
  /** Step size of the gates. Default by update: adaptive 0.3, mirror 1, euler 0.3, adam 0.02. */
  readonly stepSize?: number;
  /** Temperature of the forward gates, tc. Default 0.05. */
  readonly coldTemperature?: number;
  /** Temperature of the backward slope, th. Default 1. */
  readonly hotTemperature?: number;
  /** Logits stay within [-logitBound, logitBound]. Default 3. */
  readonly logitBound?: number;
  /** Centre of the logits at the start. Default 0.5. */
  readonly initialLogit?: number;
  /** Half-width of the logits at the start. Default 0.01. */
  readonly initialSpread?: number;
  /** Address of every draw. Default 0. */
  readonly seed?: number;
  /** Steps between two entries of the trace. Default a 200th of the steps. */
  readonly recordEvery?: number;
}

/** Options with every default filled in; `density`, `budget` and `episode.ways` may be left open. */
export interface SearchSettings extends Required<Omit<SearchOptions, "density" | "budget" | "episode">> {
  readonly density?: number;
  readonly budget?: Budget;
  readonly episode: { readonly shots: number; readonly queries: number; readonly ways?: number };
}

/** Step sizes of the gates, by update. */
const defaultStepSize: Record<UpdateName, number> = { euler: 0.3, mirror: 1, adaptive: 0.3, adam: 0.02 };

const positive = z.number().positive();
const whole = z.number().int().positive();
const schema = z.strictObject({
  density: positive.max(1).optional(),
  budget: budgetSchema.optional(),
  penalty: z.number().nonnegative().default(0.1),
  steeringRate: z.number().nonnegative().max(1).default(0.02),
  densityDecay: z.number().min(0).max(1).default(0.7),
  costs: z.enum(["gates", "parameters", "multiplyAdds"]).optional(),
  weights: z.enum(Object.keys(weightStrategies) as [WeightStrategyName, ...WeightStrategyName[]]).default("reset"),
  redrawEvery: whole.optional(),
  weightStepSize: positive.default(0.003),
  wholeEvery: whole.default(1),
  steps: whole.default(2000),
  batch: whole.default(64),
  episode: z
    .strictObject({ shots: whole.default(5), queries: whole.default(10), ways: whole.min(2).optional() })
    .prefault({}),
  estimator: z.string().default("two-temperature"),
  update: z.enum(Object.keys(defaultStepSize) as [UpdateName, ...UpdateName[]]).default("adaptive"),
  stepSize: positive.optional(),
  coldTemperature: positive.default(0.05),
  hotTemperature: positive.default(1),
  logitBound: positive.default(3),
  initialLogit: z.number().default(0.5),
  initialSpread: z.number().nonnegative().default(0.01),
  seed: z.number().int().default(0),
  recordEvery: whole.optional(),
});

/** What a search is to come to, if anything. */
export const goalOf = ({ density, budget }: Pick<SearchSettings, "density" | "budget">): Budget | undefined =>
  budget ?? (density === undefined ? undefined : { density });

/** Whether a budget is a density of all gates and nothing else. */
export const isPlainDensity = (budget: Budget): budget is Budget & { readonly density: number } =>
  budget.density !== undefined &&
  budget.parameters === undefined &&
  budget.multiplyAdds === undefined &&
  !budget.everyGroup;

/**
 * Checks the options of a search and fills in the defaults.
 *
 * @throws TwotempError `search/options` naming the field and its value
 */
export function searchSettings(options: SearchOptions): SearchSettings {
  const parsed = schema.safeParse(options);
  if (!parsed.success) {
    const [{ path, message }] = parsed.error.issues;
    throw new TwotempError("search/options", invalidValue(options, path, message));
  }
  const settings = parsed.data;
  const { density, budget } = settings;
  if (density !== undefined && budget) {
    throw new TwotempError("search/options", `density ${density} beside a budget: put it into the budget`);
  }
  const goal = goalOf(settings);
  if (goal && settings.penalty === 0 && settings.steeringRate > 0) {
    throw new TwotempError("search/options", "penalty 0 can't be steered, which multiplies it: give a positive one");
  }
  const { coldTemperature, logitBound } = settings;
  const closed = gate(-logitBound, coldTemperature);
  const reaches = !goal || !isPlainDensity(goal) || goal.density > closed;
  if (!reaches && estimators[settings.estimator as EstimatorName]?.certified) {
    throw new TwotempError(
      "search/options",
      `density ${goal.density} can't be reached: with coldTemperature ${coldTemperature} and logitBound ${logitBound} a closed gate is ${closed.toPrecision(2)}; lower coldTemperature or raise logitBound`,
    );
  }
  if (Math.abs(settings.initialLogit) + settings.initialSpread > settings.logitBound) {
    throw new TwotempError(
      "search/options",
      `initialLogit ${settings.initialLogit} +- ${settings.initialSpread} leaves the box of radius ${settings.logitBound}`,
    );
  }
  const { estimator, weights, wholeEvery } = settings;
  if (wholeEvery > 1 && (weights === "episode" || estimators[estimator as EstimatorName]?.noisy)) {
    const which = weights === "episode" ? "weights episode" : `estimator ${estimator}`;
    throw new TwotempError("search/options", `wholeEvery ${wholeEvery} beside ${which}: leave it out`);
  }
  return {
    ...settings,
    costs: settings.costs ?? (budget?.multiplyAdds ? "multiplyAdds" : budget?.parameters ? "parameters" : "gates"),
    estimator: settings.estimator as EstimatorName,
    stepSize: settings.stepSize ?? defaultStepSize[settings.update],
    redrawEvery: settings.redrawEvery ?? (settings.weights === "reset" ? 100 : 1),
    recordEvery: settings.recordEvery ?? Math.ceil(settings.steps / 200),
  };
}
