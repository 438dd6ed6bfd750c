import { setImmediate } from "node:timers/promises";
import * as tf from "@tensorflow/tfjs";
import { TwotempError } from "../errors.js";
import { ProgressMeter, type WorkOptions } from "../progress.js";
import { ridgePredictions } from "../search/ridge.js";
import { featuresOf } from "../search/strategies/episode.js";
import { searchSpace } from "../space/index.js";
import type { RetrainingJob } from "./retrain.js";
import { startingWeights } from "./start.js";
import { accuracyOf, type Labelled } from "./task.js";

/** Examples run at a time. */
const runAtOnce = 250;

/**
 * Judges architectures by a ridge regression on the features of freshly drawn, untrained bodies (or of the bodies that
 * jobs bring): for each job the body's weights are drawn, the head is solved on the support set, and the queries are predicted.
 *
 * @param penalties - candidates for the ridge penalty, relative to the kernel's mean diagonal (see
 *   {@link ridgePredictions})
 * @param options.onResult - gets the accuracies of each job, by its place in the list, as soon as they are known
 * @returns accuracy on the queries, [job][penalty]
 * @throws TwotempError `transfer/not-finite` if a head has no solution
 */
export async function judgeByRidge(
  jobs: readonly RetrainingJob[],
  penalties: readonly number[],
  options: WorkOptions & { readonly onResult?: (job: number, accuracies: readonly number[]) => void } = {},
): Promise<number[][]> {
  const meter = new ProgressMeter("ridge heads", jobs.length, options.onProgress);
  const accuracies: number[][] = [];
  for (const job of jobs) {
    const { architecture, task } = job;
    const model = architecture.compact(startingWeights(job));
    const compacted = searchSpace(model, { gates: () => "none" });
    const { plan } = compacted;
    const held = compacted.currentWeights().map((values, w) => tf.tensor(values, plan.weights[w].shape as number[]));
    const shape = architecture.space.model.inputs[0].shape.slice(1) as number[];
    const features = ({ values, count }: Labelled): tf.Tensor2D => {
      const size = values.length / count;
      const parts: tf.Tensor2D[] = [];
      for (let first = 0; first < count; first += runAtOnce) {
        const rows = Math.min(runAtOnce, count - first);
        const part = values.subarray(first * size, (first + rows) * size);
        parts.push(tf.tidy(() => featuresOf(plan, [], held, [], tf.tensor(part, [rows, ...shape]))));
      }
      const all = tf.concat2d(parts, 0);
      tf.dispose(parts);
      return all;
    };
    const support = features(task.support);
    const queries = features(task.queries);
    accuracies.push(
      penalties.map((penalty) =>
        tf.tidy(() => {
          const labels = tf.oneHot(tf.tensor1d(task.support.labels, "int32"), task.classCount);
          const scores = ridgePredictions(support, tf.cast(labels, "float32") as tf.Tensor2D, queries, penalty);
          if (!Number.isFinite(tf.sum(scores).dataSync()[0])) {
            throw new TwotempError(
              "transfer/not-finite",
              `a ridge head on ${task.support.count} examples with penalty ${penalty} has no solution: its features aren't finite, or the penalty is too small`,
            );
          }
          return accuracyOf(scores, task.queries.labels);
        }),
      ),
    );
    tf.dispose([support, queries, held]);
    model.dispose();
    options.onResult?.(accuracies.length - 1, accuracies[accuracies.length - 1]);
    meter.report(accuracies.length);
    await setImmediate();
    options.signal?.throwIfAborted();
  }
  return accuracies;
}
