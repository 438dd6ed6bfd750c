import { Episode } from "./episode.js";
import type { StrategyContext, WeightStrategy } from "./strategy.js";
import { Trained } from "./trained.js";
import { Untrained } from "./untrained.js";

export type { GateEvaluation, StrategyContext, StrategyState, WeightStrategy } from "./strategy.js";

export type WeightStrategyName = "fixed" | "resample" | "reset" | "joint" | "constant" | "episode";

/** The six ways in which a search gets its weights. */
export const weightStrategies: Record<WeightStrategyName, (context: StrategyContext) => WeightStrategy> = {
  /** One random draw for the whole search. */
  fixed: (context) => new Untrained(context, () => draw(context, 0), Infinity),
  /** A new draw every `redrawEvery` steps; sees no labels (Proposition 7). */
  resample: (context) => new Untrained(context, (number) => draw(context, number), context.redrawEvery),
  /** Trained beside the gates, drawn anew every `redrawEvery` steps. */
  reset: (context) => new Trained(context, context.redrawEvery),
  /** Trained beside the gates from one draw: not independent of the weights, the control. */
  joint: (context) => new Trained(context, Infinity),
  /** One magnitude a layer, random signs drawn anew every `redrawEvery` steps: structure only. */
  constant: (context) =>
    new Untrained(
      context,
      (number) => context.space.initialiseConstant(context.seed, "search weights", number),
      context.redrawEvery,
    ),
  /** Drawn anew every step, the head solved in closed form on a few-shot task. */
  episode: (context) => new Episode(context),
};

function draw(context: StrategyContext, number: number): ReturnType<StrategyContext["space"]["initialise"]> {
  return context.space.initialise(context.seed, "search weights", number);
}
