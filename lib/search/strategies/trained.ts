import * as tf from "@tensorflow/tfjs";
import { Adam } from "../../engine/index.js";
import { downloaded } from "../../engine/native.js";
import { Batches } from "../batches.js";
import { checkLoss, checkWeights } from "../notFinite.js";
import { NarrowingEvaluator } from "../narrowing.js";
import type { GateEvaluation, StrategyContext, StrategyState, WeightStrategy } from "./strategy.js";

/**
 * Weights trained beside the gates: `joint` (from one draw; not independent of the weights: the control) and `reset`
 * (drawn anew every `redrawEvery` steps, so that the gates see many trajectories of training and no particular
 * weights: an approximation of the expectation, over initialisations, of the loss after training).
 *
 * Gates and weights are stepped at the same point: both gradients are taken at the gates and weights of this step.
 */
export class Trained implements WeightStrategy {
  private readonly batches: Batches;
  private readonly trainable: readonly number[];
  private readonly evaluator: NarrowingEvaluator;
  private drawn: number = -1;
  private weights: tf.Tensor[] = [];
  private adam: Adam | undefined;
  private step: number = 0;

  constructor(
    private readonly context: StrategyContext,
    private readonly redrawEvery: number,
  ) {
    this.batches = new Batches(context.dataset, context.batch, [context.seed, "search"]);
    const { plan } = context.space;
    this.trainable = plan.weights.flatMap((spec, w) => (spec.trainable ? [w] : []));
    this.evaluator = new NarrowingEvaluator(context, true);
  }

  evaluate(step: number, gates: tf.Tensor1D, looking: boolean = false): GateEvaluation {
    const { space, seed } = this.context;
    const draw = Math.floor(step / this.redrawEvery);
    if (draw !== this.drawn) {
      this.begin(space.initialise(seed, "search weights", draw));
      this.drawn = draw;
    }
    const { loss, gateGradient, weightGradients } = tf.tidy(() => {
      const { inputs, labels } = this.batches.at(step);
      const { evaluator } = this;
      const evaluate = looking ? evaluator.whole : evaluator.evaluate.bind(evaluator, step);
      const evaluation = evaluate(this.weights, gates, [inputs, labels], [seed, "search", step]);
      // Before the weights are moved by it.
      const { plan } = space;
      checkLoss(evaluation.loss, step, { plan, weights: this.weights, gates, inputs, remedy: this.remedy });
      return evaluation;
    });
    const train = (taken: boolean): void => {
      if (taken) {
        this.step = step;
        this.adam!.step(weightGradients);
        this.readTrained();
      }
      tf.dispose(weightGradients);
    };
    return { loss, gateGradient, train };
  }

  /** Starts training from these weights, which become this strategy's. */
  private begin(weights: tf.Tensor[]): void {
    tf.dispose(this.untrained());
    const start = this.trainable.map((w) => weights[w]);
    if (this.adam) this.adam.reset(start);
    else this.adam = new Adam(start, { stepSize: this.context.weightStepSize });
    tf.dispose(start);
    this.weights = weights;
    this.readTrained();
  }

  /** The optimiser owns the trained weights. */
  private readTrained(): void {
    this.trainable.forEach((w, i) => (this.weights[w] = this.adam!.values[i]));
  }

  private get remedy(): string {
    return `lower weightStepSize (${this.context.weightStepSize})`;
  }

  private untrained(): tf.Tensor[] {
    return this.weights.filter((_, w) => !this.trainable.includes(w));
  }

  save(): StrategyState {
    if (!this.adam) return {};
    const weights = this.weights.map((weight) => downloaded(weight));
    checkWeights(this.context.space.plan, weights, this.step, this.remedy);
    return { weights, optimizer: this.adam.save(), open: this.evaluator.save() };
  }

  load(state: StrategyState, step: number): void {
    if (!state.weights || !state.optimizer) return;
    this.evaluator.load(state.open);
    const { plan } = this.context.space;
    this.begin(state.weights.map((values, w) => tf.tensor(values.slice(), plan.weights[w].shape as number[])));
    this.adam!.load(state.optimizer);
    this.readTrained();
    this.drawn = Math.floor((step - 1) / this.redrawEvery);
  }

  dispose(): void {
    tf.dispose(this.untrained());
    this.adam?.dispose();
    this.evaluator.dispose();
  }
}
