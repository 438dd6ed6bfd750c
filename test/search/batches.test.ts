import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { dataset, type Dataset, ready } from "../../lib/index.js";
import { Batches } from "../../lib/search/batches.js";

describe("batches", () => {
  let source: Dataset;
  let installed: string;

  before(async () => {
    await ready();
    installed = tf.getBackend();
    source = await dataset("digits:0-4");
  });

  for (const engine of ["the installed engine", "cpu"]) {
    test(`keep their values when others are drawn, on ${engine}`, async () => {
      await tf.setBackend(engine === "cpu" ? "cpu" : installed);
      try {
        // TensorFlow takes some arrays as they are and copies others, by where they happen to lie.
        for (let size = 1; size <= 60; size++) {
          const batches = new Batches(source, size, [0, "test"]);
          const drawn = [0, 1, 0].map((step) => ({ step, ...batches.at(step) }));
          for (const { step, inputs } of drawn) {
            assert.deepEqual([...inputs.dataSync()], [...source.batch("train", batches.rows(step))]);
          }
          assert.notDeepEqual(drawn[0].inputs.arraySync(), drawn[1].inputs.arraySync());
          tf.dispose(drawn.map(({ inputs, labels }) => [inputs, labels]));
        }
      } finally {
        await tf.setBackend(installed);
      }
    });
  }
});
