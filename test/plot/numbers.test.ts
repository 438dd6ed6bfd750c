import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { decades, decimate, duration, percent, round, runningMean } from "../../lib/plot/numbers.js";

describe("numbers in figures", () => {
  test("decimation keeps the ends, the order and the limit", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 5000 }), fc.integer({ min: 2, max: 300 }), (count, limit) => {
        const kept = decimate(count, limit);
        assert.equal(kept.length, Math.min(count, limit));
        assert.equal(kept[0], 0);
        assert.equal(kept.at(-1), count - 1);
        assert.ok(kept.every((index, i) => i === 0 || index > kept[i - 1]));
      }),
    );
    assert.deepEqual(decimate(0, 10), []);
  });

  test("the running mean is that of the neighbours", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1000, max: 1000 })), fc.integer({ min: 1, max: 40 }), (values, width) => {
        const half = Math.floor(width / 2);
        runningMean(values, width).forEach((mean, i) => {
          const near = values.slice(Math.max(0, i - half), i + half + 1);
          assert.ok(Math.abs(mean - near.reduce((sum, value) => sum + value, 0) / near.length) < 1e-9);
        });
      }),
    );
  });

  test("numbers as people write them", () => {
    assert.deepEqual(decades(0.0123, 1200), {
      tickvals: [0.1, 1, 10, 100, 1000],
      ticktext: ["0.1", "1", "10", "100", "1,000"],
    });
    assert.deepEqual(decades(2, 7).tickvals, []);
    assert.deepEqual([0, 0.005, 0.1234, 1].map(percent), ["0 %", "0.5 %", "12.3 %", "100 %"]);
    assert.deepEqual([8.4, 125, 4320].map(duration), ["8 s", "2 min 5 s", "1 h 12 min"]);
    assert.deepEqual(
      [1 / 3, -1e-9, 0, -0, NaN].map((value) => round(value, 3)),
      [0.333, -1e-9, 0, 0, NaN],
    );
  });
});
