import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import {
  cnn,
  dataset,
  type Dataset,
  type FewShotTask,
  forward,
  type Labelled,
  mlp,
  ready,
  retrain,
  type RetrainingJob,
  type SearchSpace,
  searchSpace,
  targetTasks,
  TrainedModels,
} from "../../lib/index.js";
import { headOf } from "../../lib/search/strategies/episode.js";
import { judgeByRidge } from "../../lib/transfer/ridgeHead.js";
import { retrainModel } from "../../lib/transfer/retrainModel.js";
import { startingWeights } from "../../lib/transfer/start.js";

let source: Dataset;

let perceptron: SearchSpace;
let ofPerceptron: Jobs;

before(async () => {
  await ready();
  source = (await dataset("digits:0-4")).standardised();
  perceptron = searchSpace(mlp({ inputShape: [8, 8, 1], hidden: [24, 16], classes: 5 }), { gates: "weight" });
  ofPerceptron = await jobs(perceptron);
});

interface Jobs {
  readonly task: FewShotTask;
  readonly given: RetrainingJob;
  readonly fresh: RetrainingJob;
}

/** A job on the source itself, whose body is trained on all of it, beside the same without these weights. */
async function jobs(space: SearchSpace): Promise<Jobs> {
  const trained = new TrainedModels(space, source, { steps: 150, batch: 32, stepSize: 0.01, seed: 0 });
  const architecture = space.architecture(new Uint8Array(space.gateCount).fill(1));
  const [task] = targetTasks(source, 2, 0, 1);
  const fresh = { architecture, task, draw: [0, "start"] };
  return { task, fresh, given: { ...fresh, weights: await trained.model(0) } };
}

describe("jobs that bring weights", () => {
  test("start from them, but for the head, which is drawn as for any job", async () => {
    const { given, fresh } = ofPerceptron;
    const [start, drawn] = [startingWeights(given), startingWeights(fresh)];
    perceptron.plan.weights.forEach(({ name }, w) => {
      assert.deepEqual(start[w], name.startsWith("classes") ? drawn[w] : given.weights![w]);
    });
  });

  test("do better with two shots than fresh draws, in stacks and alone alike", async () => {
    const { given, fresh } = ofPerceptron;
    const frozen = { ...given, frozen: true };
    const options = { learningRate: 0.01, steps: 60 };
    const together = await retrain(perceptron, [fresh, given, frozen], options);
    for (const [j, job] of [fresh, given, frozen].entries()) {
      const alone = await retrainModel(perceptron, job, options);
      assert.ok(Math.abs(together[j] - alone) < 0.02, `job ${j}: ${together[j]} together, ${alone} alone`);
    }
    const [anew, tuned, probed] = together;
    assert.ok(tuned > anew + 0.05 && probed > anew + 0.05, together.join());
    const [[byRidge], [untrained]] = await judgeByRidge([given, fresh], [0.1]);
    assert.ok(byRidge > untrained + 0.05, `${byRidge} with the weights, ${untrained} without`);
  });

  test("that are frozen train the head alone: as a linear model trained on the body's features", async () => {
    const model = cnn({ inputShape: [8, 8, 1], filters: [3], dense: 6, classes: 5, batchNorm: true });
    const space = searchSpace(model, { gates: "unit" });
    const { given, task } = await jobs(space);
    const featuresOf = ({ values, labels, count }: Labelled): Labelled => {
      const features = tf.tidy(() => {
        const weights = given.weights!.map((own, w) => tf.tensor(own, [...space.plan.weights[w].shape]));
        const inputs = [tf.tensor(values, [count, 8, 8, 1])];
        return forward(space.plan, weights, undefined, inputs, { until: headOf(space.plan).features })[0].dataSync();
      });
      return { values: Float32Array.from(features), labels, count };
    };
    const linear = searchSpace(mlp({ inputShape: [6], hidden: [], classes: 5 }), { gates: "input" });
    const probe: RetrainingJob = {
      architecture: linear.architecture(new Uint8Array(6).fill(1)),
      task: { ...task, support: featuresOf(task.support), queries: featuresOf(task.queries) },
      draw: given.draw,
    };
    const options = { learningRate: 0.05, steps: 60 };
    const frozen = await retrainModel(space, { ...given, frozen: true }, options);
    const [expected] = await retrain(linear, [probe], options);
    assert.ok(Math.abs(frozen - expected) < 0.01, `${frozen} frozen, ${expected} by the linear model`);
    assert.notEqual(await retrainModel(space, given, options), frozen);
  });
});
