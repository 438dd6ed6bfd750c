import { setImmediate } from "node:timers/promises";
import * as tf from "@tensorflow/tfjs";
import type { Dataset } from "../data/index.js";
import { Adam, type Address } from "../engine/index.js";
import { TwotempError } from "../errors.js";
import { ProgressMeter, type WorkOptions } from "../progress.js";
import type { Plan } from "../space/index.js";
import { Batches } from "./batches.js";
import { stepEvaluator, trainingCrossEntropy } from "./objective.js";

/** How the ungated model is trained. */
export interface TrainOptions extends WorkOptions {
  readonly steps: number;
  readonly batch: number;
  /** Step size of Adam. */
  readonly stepSize: number;
  /** Address of the batches and dropout masks. */
  readonly draws: Address;
}

/**
 * Trains a model without gates by Adam on the cross entropy of a data set's training examples.
 *
 * @param weights - one tensor a weight of the plan, where training starts; not disposed of
 * @returns the trained weights, in the plan's order; the caller disposes of them
 * @throws TwotempError `search/not-finite` if the loss stops being a number, `search/aborted` if the signal aborts
 */
export async function train(
  plan: Plan,
  dataset: Dataset,
  weights: readonly tf.Tensor[],
  options: TrainOptions,
): Promise<tf.Tensor[]> {
  const meter = new ProgressMeter("training", options.steps, options.onProgress);
  const batches = new Batches(dataset, options.batch, options.draws);
  const trainable = plan.weights.flatMap((spec, w) => (spec.trainable ? [w] : []));
  const current = weights.map((weight, w) => (trainable.includes(w) ? weight : tf.clone(weight)));
  const adam = new Adam(
    trainable.map((w) => weights[w]),
    { stepSize: options.stepSize },
  );
  const noGates = tf.tensor1d([]);
  const ungated = { ...plan, gateCount: 0 };
  const evaluate = stepEvaluator(ungated, [], trainingCrossEntropy(ungated, [], true), true);
  try {
    for (let step = 0; step < options.steps; step++) {
      trainable.forEach((w, i) => (current[w] = adam.values[i]));
      const { loss, gateGradient, weightGradients, moved } = tf.tidy(() => {
        const { inputs, labels } = batches.at(step);
        return evaluate(current, noGates, [inputs, labels], [...options.draws, step]);
      });
      adam.step(weightGradients);
      replaceMoved(current, moved);
      const value = loss.dataSync()[0];
      tf.dispose([loss, gateGradient, weightGradients]);
      if (!Number.isFinite(value)) {
        throw new TwotempError("search/not-finite", `training loss is ${value} at step ${step}: lower the step size`);
      }
      meter.report(step + 1);
      if (step % 32 === 31) {
        await setImmediate();
        if (options.signal?.aborted) throw new TwotempError("search/aborted", `training was stopped at step ${step}`);
      }
    }
    trainable.forEach((w, i) => (current[w] = tf.clone(adam.values[i])));
    return current;
  } finally {
    adam.dispose();
    noGates.dispose();
  }
}

/** Puts new moving statistics in the place of the old ones, which are disposed of. */
export function replaceMoved(weights: tf.Tensor[], moved: Readonly<Record<number, tf.Tensor>>): void {
  for (const [w, value] of Object.entries(moved)) {
    weights[Number(w)].dispose();
    weights[Number(w)] = value;
  }
}
