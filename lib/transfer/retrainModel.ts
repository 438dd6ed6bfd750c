import { setImmediate } from "node:timers/promises";
import * as tf from "@tensorflow/tfjs";
import { Adam } from "../engine/index.js";
import { crossEntropy, differentiate } from "../search/objective.js";
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
  try {
    for (let step = 0; step < options.steps; step++) {
      const moved = new Map<number, tf.Tensor>();
      const gradients = tf.tidy(() => {
        const loss = crossEntropy(plan, [], batch, {
          // A frozen body runs as it does when it is judged.
          training: !job.frozen,
          dropout: [...draw, step],
          onMovingStatistics: (w, value) => moved.set(w, tf.keep(value)),
        });
        const { weightGradients } = differentiate(trained, [], weights, noGates, loss, true);
        return weightGradients.map((gradient, i) => (masks[i] ? tf.mul(gradient, masks[i]) : gradient));
      });
      adam.step(gradients);
      tf.dispose(gradients);
      trainable.forEach((w, i) => (weights[w] = adam.values[i]));
      for (const [w, value] of moved) {
        weights[w].dispose();
        weights[w] = value;
      }
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
