import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { gate, gateSlope, mirrorInverse, mirrorMap } from "../../lib/relaxation/index.js";
import { Divergence, initialDivergence } from "../../lib/theory/index.js";

/** The reference table of the method notes: tc, th, R, V0 / (D tc th). */
const table = [
  [0.05, 1, 3, 2.777109],
  [0.05, 0.5, 2, 2.790816],
  [0.2, 1, 2, 2.844886],
  [0.5, 1, 2, 2.6745],
  [1, 1, 2, 1.523188],
  [1, 1, 4, 3.85611],
  [1, 1, 8, 7.994634],
  [0.5, 1, 8, 3.384949],
  [0.01, 1, 3, 2.772769],
];

/** Simpson's rule on the definition. */
function bySimpson(cold: number, hot: number, from: number, to: number, cells: number): number {
  const u = gate(to, cold);
  const integrand = (x: number): number => (gate(x, cold) - u) / gateSlope(x, hot);
  const h = (from - to) / cells;
  let sum = integrand(to) + integrand(from);
  for (let k = 1; k < cells; k++) sum += (k % 2 === 1 ? 4 : 2) * integrand(to + k * h);
  return (sum * h) / 3;
}

describe("the Bregman divergence", () => {
  for (const [cold, hot, radius, value] of table) {
    test(`is ${value} tc th a gate for tc ${cold}, th ${hot}, R ${radius}, at every vertex`, () => {
      const box = { coldTemperature: cold, hotTemperature: hot, logitBound: radius };
      for (const mask of [
        [0, 0, 0],
        [1, 0, 1],
        [1, 1, 1],
      ]) {
        const found = initialDivergence([0, 0, 0], mask, box) / (3 * cold * hot);
        assert.ok(Math.abs(found - value) < 1e-6, `${found}`);
      }
    });
  }

  test("tends to 4 ln 2 as the ratio of the temperatures falls", () => {
    const errors = [0.1, 0.03, 0.01, 0.003, 0.001].map((cold) => {
      const value = new Divergence(cold, 1, 3).between(0, 3) / cold;
      return Math.abs(value - 4 * Math.LN2);
    });
    errors.slice(1).forEach((error, k) => assert.ok(error < errors[k] / 5));
    assert.ok(errors[4] < 1e-4);
  });

  test("grows linearly with the box when the temperatures are equal, and not at all when they differ", () => {
    const slope = (cold: number): number =>
      (new Divergence(cold, 1, 16).between(0, 16) - new Divergence(cold, 1, 12).between(0, 12)) / (4 * cold);
    assert.ok(Math.abs(slope(1) - 1) < 1e-3);
    assert.ok(Math.abs(slope(0.5)) < 1e-3);
  });

  test("agrees with its definition between any two points, and is 0 only at the comparator", () => {
    const logit = fc.double({ min: -2, max: 2, noNaN: true });
    const cold = fc.double({ min: 0.05, max: 1, noNaN: true });
    fc.assert(
      fc.property(logit, logit, cold, fc.double({ min: 1, max: 4, noNaN: true }), (from, to, tc, factor) => {
        const divergence = new Divergence(tc, tc * factor, 2);
        const wanted = bySimpson(tc, tc * factor, from, to, 4000);
        const found = divergence.between(from, to);
        assert.ok(Math.abs(found - wanted) <= 1e-9 * divergence.largest, `${found} instead of ${wanted}`);
        assert.ok(found >= 0 && found <= divergence.largest * (1 + 1e-12));
        assert.equal(divergence.between(to, to), 0);
      }),
      { numRuns: 200 },
    );
  });

  test("is interpolated to 1e-6 of its largest value, for logits that have moved too", () => {
    for (const [cold, hot, radius] of table) {
      const divergence = new Divergence(cold, hot, radius);
      for (const end of [-radius, radius]) {
        for (const share of [0, -1e-3, 0.01, 0.3, -1, 2.5]) {
          const change = share * mirrorMap(radius, hot);
          const interpolated = divergence.interpolated(end, change);
          for (let k = 0; k <= 999; k++) {
            const x = radius * (k / 499.5 - 1);
            const moved = mirrorInverse(mirrorMap(x, hot) + change, hot);
            const exact = divergence.between(Math.min(radius, Math.max(-radius, moved)), end);
            assert.ok(Math.abs(interpolated(x) - exact) < 1e-6 * divergence.largest, `${x} moved by ${change}`);
          }
        }
      }
    }
  });
});
