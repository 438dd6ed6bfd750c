import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { dataset } from "../../lib/data/index.js";
import { needsData, testSizes } from "./realData.js";

describe("real data", () => {
  for (const name of ["fashion-mnist", "emnist-letters", "cifar-10-jpeg"]) testSizes(name);

  test("EMNIST letters stand upright", needsData("emnist-letters"), async () => {
    const letters = await dataset("emnist-letters");
    const mean = (name: string): ((row: number, column: number) => number) => {
      const sum = new Float64Array(784);
      const rows = letters.rows("train")[letters.classNames.indexOf(name)];
      for (const row of rows) letters.image("train", row).pixels.forEach((value, i) => (sum[i] += value / rows.length));
      return (row, column) => sum[28 * row + column];
    };
    // A U is open above and closed below; a P has its bowl above.
    const cup = mean("U");
    assert.ok(cup(8, 12) < cup(8, 6) / 2 && cup(8, 12) < cup(8, 20) / 2 && cup(20, 12) > 100);
    const bowl = mean("P");
    assert.ok(bowl(6, 20) > 80 && bowl(22, 20) < 10);
  });

  test("CIFAR's first picture is a coloured frog", needsData("cifar-10-jpeg"), async () => {
    const cifar = await dataset("cifar-10-jpeg");
    assert.match(cifar.provenance.source, /JPEG-recompressed/);
    const { className, channels } = cifar.image("train", 0);
    assert.deepEqual([className, channels], ["frog", 3]);
  });
});
