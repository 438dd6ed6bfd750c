import * as tf from "@tensorflow/tfjs";
import { Batches } from "../batches.js";
import { crossEntropy, differentiate } from "../objective.js";
import type { GateEvaluation, StrategyContext, StrategyState, WeightStrategy } from "./strategy.js";

/**
 * Weights that are drawn and never trained: `fixed` (one draw for the whole search), `resample` (a new draw every
 * `redrawEvery` steps; 1 is weight-agnostic) and `constant` (one shared magnitude a layer with random signs).
 *
 * @param draw - how the weights of draw number `k` are made
 * @param redrawEvery - steps between two draws; Infinity for one draw
 */
export class Untrained implements WeightStrategy {
  private readonly batches: Batches;
  private drawn: number = -1;
  private weights: tf.Tensor[] = [];

  constructor(
    private readonly context: StrategyContext,
    private readonly draw: (number: number) => tf.Tensor[],
    private readonly redrawEvery: number,
  ) {
    this.batches = new Batches(context.dataset, context.batch, [context.seed, "search"]);
  }

  evaluate(step: number, gates: tf.Tensor1D): GateEvaluation {
    const draw = Math.floor(step / this.redrawEvery);
    if (draw !== this.drawn) {
      tf.dispose(this.weights);
      this.weights = this.draw(draw);
      this.drawn = draw;
    }
    const { space, slots, seed } = this.context;
    return tf.tidy(() => {
      const loss = crossEntropy(space.plan, slots, this.batches.at(step), {
        training: true,
        dropout: [seed, "search", step],
      });
      return differentiate(space.plan, slots, this.weights, gates, loss, false);
    });
  }

  /** The weights follow from the step, so there is nothing to keep. */
  save(): StrategyState {
    return {};
  }

  load(): void {
    this.drawn = -1;
  }

  dispose(): void {
    tf.dispose(this.weights);
  }
}
