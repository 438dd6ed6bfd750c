import * as tf from "@tensorflow/tfjs";
import type { Episode as EpisodeRows } from "../../data/index.js";
import { TwotempError } from "../../errors.js";
import { forwardSlots, type GateSlot } from "../../space/forward.js";
import type { Plan } from "../../space/types.js";
import { checkLoss } from "../notFinite.js";
import { stepEvaluator, type StepLoss } from "../objective.js";
import { ridgePredictions } from "../ridge.js";
import type { GateEvaluation, StrategyContext, StrategyState, WeightStrategy } from "./strategy.js";

/** Where a model's head starts: the call of its last layer, a Dense one, and the value that it reads. */
export function headOf(plan: Plan): { call: number; features: number } {
  const call = plan.calls.findIndex((candidate) => candidate.outputs.includes(plan.outputs[0]));
  if (call < 0 || plan.calls[call].layer.getClassName() !== "Dense") {
    throw new TwotempError(
      "search/head",
      `"episode" needs a model whose last layer is Dense: it is solved in closed form`,
    );
  }
  return { call, features: plan.calls[call].inputs[0] };
}

/** What the head reads, with its gates: [batch, features]. */
export function featuresOf(
  plan: Plan,
  slots: readonly GateSlot[],
  weights: readonly tf.Tensor[],
  slotGates: readonly tf.Tensor[],
  inputs: tf.Tensor,
): tf.Tensor2D {
  const head = headOf(plan);
  let [features] =
    head.features === plan.inputs[0]
      ? [inputs]
      : forwardSlots(plan, slots, weights, slotGates, [inputs], { training: true, until: head.features });
  slots.forEach((slot, s) => {
    if (slot.call === head.call) features = tf.mul(features, slotGates[s]);
  });
  return features as tf.Tensor2D;
}

/**
 * The weights of the body drawn anew every step, the head solved by ridge regression on a few-shot support set drawn
 * from the source, the squared error taken on its queries and differentiated through the solution: independent of any
 * weights, aware of the labels, and shaped like the task that comes after.
 */
export class Episode implements WeightStrategy {
  private readonly evaluateStep: ReturnType<typeof stepEvaluator>;

  constructor(private readonly context: StrategyContext) {
    const { plan } = context.space;
    const { call } = headOf(plan);
    if (plan.calls[call].weights.some((w) => plan.weights[w].gateOffset !== undefined)) {
      throw new TwotempError(
        "search/head",
        `"episode" solves the head in closed form, but ${plan.calls[call].layer.name} has gates on its weights: choose gates by layer and leave it out`,
      );
    }
    const loss: StepLoss = (weights, slotGates, [inputs, known, asked]) => {
      const features = featuresOf(plan, context.slots, weights, slotGates, inputs);
      const [support] = known.shape;
      const predicted = ridgePredictions(
        features.slice([0, 0], [support, -1]),
        known as tf.Tensor2D,
        features.slice([support, 0]),
      );
      return tf.mean(tf.sum(tf.squaredDifference(predicted, asked), 1)) as tf.Scalar;
    };
    this.evaluateStep = stepEvaluator(plan, context.slots, loss, false);
    // Too few examples for an episode are refused here rather than at the first step.
    this.draw(0);
  }

  private draw(step: number): EpisodeRows {
    const { dataset, seed, episode } = this.context;
    return dataset.episode({ ...episode, seed, episode: step });
  }

  evaluate(step: number, gates: tf.Tensor1D): GateEvaluation {
    const { space, dataset, seed } = this.context;
    return tf.tidy(() => {
      const { classes, support, supportLabels, queries, queryLabels } = this.draw(step);
      const rows = [...support, ...queries];
      const inputs = tf.tensor(dataset.batch("train", rows), [rows.length, ...dataset.inputShape]);
      const oneHot = (labels: Int32Array): tf.Tensor2D =>
        tf.oneHot(tf.tensor1d(labels, "int32"), classes.length) as tf.Tensor2D;
      const asked = tf.sub(oneHot(queryLabels), 1 / classes.length);
      const weights = space.initialise(seed, "search weights", step);
      const episode = [inputs, oneHot(supportLabels), asked];
      const evaluation = this.evaluateStep(weights, gates, episode, [seed, "search", step]);
      checkLoss(evaluation.loss, step, { plan: space.plan, weights, gates, inputs, remedy: undefined });
      return evaluation;
    });
  }

  /** Weights and episodes follow from the step, so there is nothing to keep. */
  save(): StrategyState {
    return {};
  }

  load(): void {}

  dispose(): void {}
}
