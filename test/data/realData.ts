import assert from "node:assert/strict";
import { test } from "node:test";
import { catalogue, dataset } from "../../lib/data/index.js";
import { findFiles } from "../../lib/data/folders.js";
import { needs } from "../support.js";

/** The test's data set, or why it is skipped. */
export function needsData(name: string): { skip: string | false } {
  const entry = catalogue.find((candidate) => candidate.name === name);
  assert.ok(entry);
  const found = findFiles(name, entry.files) !== undefined;
  return needs(
    `data set ${name}`,
    found,
    `set TWOTEMP_DATASETS to a folder that holds ${name}/, or put it into datasets/`,
  );
}

/** Shape, classes, training examples and test examples. */
const sizes: Readonly<Record<string, readonly [number[], number, number, number]>> = {
  mnist: [[28, 28, 1], 10, 60000, 10000],
  "fashion-mnist": [[28, 28, 1], 10, 60000, 10000],
  "emnist-letters": [[28, 28, 1], 26, 124800, 20800],
  "cifar-10-jpeg": [[32, 32, 3], 10, 20000, 10000],
};

/** Tests that a data set is as large as it is known to be. */
export function testSizes(name: string): void {
  test(name, needsData(name), async () => {
    const [shape, classes, train, testing] = sizes[name];
    const found = await dataset(name);
    assert.deepEqual([...found.inputShape], shape);
    assert.deepEqual([found.classCount, found.train.count, found.test.count], [classes, train, testing]);
    assert.ok(found.train.inputs instanceof Uint8Array);
    assert.equal(found.provenance.files.length, name === "cifar-10-jpeg" ? 3 : 4);
  });
}
