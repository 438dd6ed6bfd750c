import { setImmediate } from "node:timers/promises";
import * as tf from "@tensorflow/tfjs";
import { Adam } from "../engine/index.js";
import { crossEntropy, stepEvaluator, type StepLoss, trainingCrossEntropy } from "../search/objective.js";
import { replaceMoved } from "../search/train.js";
import { forward, type Plan, type SearchSpace, searchSpace } from "../space/index.js";
import type { RetrainingJob, RetrainOptions } from "./retrain.js";
import { headWeights, startingWeights } from "./start.js";
import { accuracyOf, type Labelled } from "./task.js";

/** Queries judged at a time. */
const judgedAtOnce = 500;

/** Retrains one architecture of any model: its compacted network, full-batch on the support set. */
export async function retrainModel(space: SearchSpace, job: RetrainingJob, options: RetrainOptions): Promise<number> {
  const { architecture, task, draw } = job;
  const model = architecture.compact(startingWeights(job));
  const compacted = searchSpace(model, { gates: () => "none" });
  const { plan } = compacted;
  const weights: tf.Tensor[] = compacted
    .currentWeights()
    .map((values, w) => tf.tensor(values, plan.weights[w].shape as number[]));
  const head = headWeights(plan);
  const trainable = plan.weights.flatMap((spec, w) => (spec.trainable && (!job.frozen || head.has(w)) ? [w] : []));
  const trained: Plan = {
    ...plan,
    weights: plan.weights.map((spec, w) => ({ ...spec, trainable: trainable.includes(w) })),
  };
  // Weights that the architecture closed start at zero, which no draw is, and stay there.
  const masks = trainable.map((w) => {
    const closed = architecture.space.plan.weights.some(
      (spec) => spec.name === plan.weights[w].name && spec.gateOffset !== undefined,
    );
    return closed ? tf.tidy(() => tf.cast(tf.notEqual(weights[w], 0), "float32")) : undefined;
  });
  const adam = new Adam(
    trainable.map((w) => weights[w]),
    { stepSize: options.learningRate },
  );
  trainable.forEach((w, i) => {
    weights[w].dispose();
    weights[w] = adam.values[i];
  });
  const shape = space.model.inputs[0].shape.slice(1) as number[];
  const inputsOf = ({ values, count }: Labelled): tf.Tensor => tf.tensor(values, [count, ...shape]);
  const batch = {
    inputs: inputsOf(task.support),
    labels: tf.tidy(() =>
      tf.cast(tf.oneHot(tf.tensor1d(task.support.labels, "int32"), task.classCount), "float32"),
    ) as tf.Tensor2D,
  };
  const noGates = tf.tensor1d([]);
  const training = trainingCrossEntropy(trained, [], true);
  // A frozen body runs as it does when it is judged.
  const frozen: StepLoss = (given, slotGates, [inputs, labels]) =>
    crossEntropy(trained, [], { inputs, labels: labels as tf.Tensor2D }, {})(given, slotGates);
  const evaluate = stepEvaluator(trained, [], job.frozen ? frozen : training, true);
  try {
    for (let step = 0; step < options.steps; step++) {
      const { loss, gateGradient, weightGradients, moved } = evaluate(
        weights,
        noGates,
        [batch.inputs, batch.labels],
        [...draw, step],
      );
      const gradients = weightGradients.map((gradient, i) => (masks[i] ? tf.mul(gradient, masks[i]) : gradient));
      adam.step(gradients);
      tf.dispose([loss, gateGradient, gradients, weightGradients]);
      trainable.forEach((w, i) => (weights[w] = adam.values[i]));
      replaceMoved(weights, moved);
      if (step % 16 === 15) {
        await setImmediate();
        options.signal?.throwIfAborted();
      }
    }
    let right = 0;
    for (let first = 0; first < task.queries.count; first += judgedAtOnce) {
      const count = Math.min(judgedAtOnce, task.queries.count - first);
      const size = task.queries.values.length / task.queries.count;
      const part = {
        values: task.queries.values.subarray(first * size, (first + count) * size),
        labels: task.queries.labels.subarray(first, first + count),
        count,
      };
      right += tf.tidy(() => {
        const [scores] = forward(plan, weights, undefined, [inputsOf(part)]);
        return accuracyOf(scores as tf.Tensor2D, part.labels) * count;
      });
    }
    return Math.round(right) / task.queries.count;
  } finally {
    tf.dispose([batch.inputs, batch.labels, noGates, ...masks.filter((mask) => mask !== undefined)]);
    tf.dispose(weights.filter((_, w) => !trainable.includes(w)));
    adam.dispose();
    model.dispose();
  }
}
