import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { Random, ready } from "../../lib/engine/index.js";
import { resnet } from "../../lib/models/index.js";
import { forward, searchSpace } from "../../lib/space/index.js";

describe("an architecture", () => {
  before(() => ready());

  test("trains compacted exactly as it does masked", async () => {
    const model = resnet({ depth: 8, inputShape: [6, 6, 1], classes: 3, filters: 4 });
    for (const gates of ["unit", "weight", "block"] as const) {
      const space = searchSpace(model, { gates });
      const architecture = space.within(new Random(7, gates).normals(space.gateCount), { density: 0.5 });
      const start = architecture.initialise(1, "start");
      const keep = architecture.keep();
      const compacted = architecture.compact(start);
      compacted.compile({ optimizer: tf.train.sgd(0.05), loss: "categoricalCrossentropy" });

      const { plan } = space;
      const variables = plan.weights.map(({ shape, trainable }, w) =>
        tf.variable(tf.tensor(start[w], shape as number[]), trainable),
      );
      const masks = plan.weights.map(({ shape }, w) => tf.tensor(keep[w], shape as number[]));
      plan.weights.forEach(({ name, shape }, w) => {
        if (name.endsWith("moving_variance")) variables[w].assign(tf.ones(shape as number[]));
      });
      const gateTensor = tf.tensor1d(Float32Array.from(architecture.mask));
      const optimizer = tf.train.sgd(0.05);
      for (let step = 0; step < 5; step++) {
        const x = tf.tensor(new Random(step, "x").normals(8 * 36), [8, 6, 6, 1]);
        const y = tf.oneHot(tf.tensor1d([0, 1, 2, 0, 1, 2, 0, 1], "int32"), 3) as tf.Tensor2D;
        await compacted.trainOnBatch(x, y.toFloat());
        const { grads } = tf.variableGrads(
          () => {
            const given = variables.map((variable, w) =>
              plan.weights[w].trainable ? tf.mul(variable, masks[w]) : variable,
            );
            const [logits] = forward(plan, given, gateTensor, [x], {
              training: true,
              scaleByOpenFraction: false,
              logits: true,
            });
            return tf.losses.softmaxCrossEntropy(y, logits) as tf.Scalar;
          },
          variables.filter(({ trainable }) => trainable),
        );
        optimizer.applyGradients(grads);
      }
      const origins = architecture.origins();
      let compared = 0;
      for (const layer of compacted.layers) {
        layer.weights.forEach((weight, index) => {
          if (weight.name.includes("moving_")) return;
          const short = weight.name.split("/").at(-1)!.replace(/_\d+$/, "");
          const { weight: w, entries } = origins.get(`${layer.name}/${short}`)!;
          const whole = variables[w].dataSync();
          const values = layer.getWeights()[index].dataSync();
          values.forEach((value, i) => {
            const expected = keep[w][entries[i]] ? whole[entries[i]] : 0;
            assert.ok(
              Math.abs(value - expected) < 2e-5,
              `${gates} ${layer.name}/${short}: ${value} is not ${expected}`,
            );
            compared += 1;
          });
        });
      }
      assert.ok(compared > 100);
    }
  });
});
