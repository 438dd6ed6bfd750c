import * as tf from "@tensorflow/tfjs";
import { Batches } from "../batches.js";
import { checkLoss } from "../notFinite.js";
import { NarrowingEvaluator } from "../narrowing.js";
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
  private readonly evaluator: NarrowingEvaluator;
  private drawn: number = -1;
  private weights: tf.Tensor[] = [];

  constructor(
    private readonly context: StrategyContext,
    private readonly draw: (number: number) => tf.Tensor[],
    private readonly redrawEvery: number,
  ) {
    this.batches = new Batches(context.dataset, context.batch, [context.seed, "search"]);
    this.evaluator = new NarrowingEvaluator(context, false);
  }

  evaluate(step: number, gates: tf.Tensor1D, looking: boolean = false): GateEvaluation {
    const draw = Math.floor(step / this.redrawEvery);
    if (draw !== this.drawn) {
      tf.dispose(this.weights);
      this.weights = this.draw(draw);
      this.drawn = draw;
    }
    return tf.tidy(() => {
      const { inputs, labels } = this.batches.at(step);
      const { plan } = this.context.space;
      const { seed } = this.context;
      const { evaluator } = this;
      const evaluate = looking ? evaluator.whole : evaluator.evaluate.bind(evaluator, step);
      const evaluation = evaluate(this.weights, gates, [inputs, labels], [seed, "search", step]);
      checkLoss(evaluation.loss, step, { plan, weights: this.weights, gates, inputs, remedy: undefined });
      return evaluation;
    });
  }

  /** The weights follow from the step. */
  save(): StrategyState {
    return { open: this.evaluator.save() };
  }

  load({ open }: StrategyState): void {
    this.drawn = -1;
    this.evaluator.load(open);
  }

  dispose(): void {
    tf.dispose(this.weights);
    this.evaluator.dispose();
  }
}
