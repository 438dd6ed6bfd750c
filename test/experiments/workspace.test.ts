import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { openSource, openTarget, sourceSchema } from "../../lib/experiments/tasks/workspace.js";

const labelsOf = (dataset: { train: { labels: ArrayLike<number> } }): number[] => Array.from(dataset.train.labels);

describe("the data of a task", () => {
  test("shuffled labels: the same labels and images in another order, those held out as they were", async () => {
    const settings = { name: "digits:0-4", seed: 3 };
    const plain = await openSource(sourceSchema.parse(settings));
    const shuffled = await openSource(sourceSchema.parse({ ...settings, labels: "shuffled" }));
    assert.notDeepEqual(labelsOf(shuffled.seen), labelsOf(plain.seen));
    assert.deepEqual(labelsOf(shuffled.seen).sort(), labelsOf(plain.seen).sort());
    assert.deepEqual(labelsOf(shuffled.heldOut), labelsOf(plain.heldOut));
    const rows = [0, 1, plain.seen.train.count - 1];
    assert.deepEqual(shuffled.seen.batch("train", rows), plain.seen.batch("train", rows));
    const agree = labelsOf(shuffled.seen).filter((label, i) => label === labelsOf(plain.seen)[i]).length;
    // Five classes: a fifth by chance.
    assert.ok(agree < 0.3 * plain.seen.train.count, `${agree} labels are where they were`);
  });

  test("source and target get images of one size; the target is scaled as the source", async () => {
    const images = { grey: true, size: 12 };
    const { source, seen } = await openSource(sourceSchema.parse({ name: "digits:0-4", images }));
    const target = await openTarget("digits:5-9", source, images);
    assert.deepEqual(
      [seen.inputShape, target.inputShape],
      [
        [12, 12, 1],
        [12, 12, 1],
      ],
    );
    const deviation = (values: Float32Array): number => {
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
    };
    const every = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
    assert.ok(Math.abs(deviation(source.batch("train", every(source.train.count))) - 1) < 1e-4);
    // Divided by the source's deviation, not by its own.
    assert.ok(Math.abs(deviation(target.batch("train", every(target.train.count))) - 1) > 1e-4);
  });

  test("fewer examples, as many of each class as can be", async () => {
    const { seen } = await openSource(sourceSchema.parse({ name: "digits:0-4", examples: 100 }));
    assert.equal(seen.train.count, 100);
    const counts = seen.rows("train").map(({ length }) => length);
    assert.ok(Math.max(...counts) - Math.min(...counts) <= 2, counts.join());
    await assert.rejects(
      openSource(sourceSchema.parse({ name: "digits:0-4", examples: 1_000_000 })),
      /that aren't held out/,
    );
  });
});
