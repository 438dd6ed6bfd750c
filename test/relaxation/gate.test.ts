import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { gate, gateSlope, mirrorInverse, mirrorMap } from "../../lib/relaxation/index.js";

const temperature = fc.double({ min: 0.02, max: 2, noNaN: true });

describe("the gate", () => {
  test("is the logistic function, also far out", () => {
    assert.equal(gate(0, 0.3), 0.5);
    assert.ok(Math.abs(gate(0.1, 0.05) - 1 / (1 + Math.exp(-2))) < 1e-15);
    assert.equal(gate(1e6, 0.05), 1);
    assert.equal(gate(-1e6, 0.05), 0);
    assert.equal(gateSlope(1e6, 0.05), 0);
  });

  test("has the stated slope, at most 1 / (4 t)", () => {
    fc.assert(
      fc.property(fc.double({ min: -5, max: 5, noNaN: true }), temperature, (x, t) => {
        const h = 1e-5 * t;
        const difference = (gate(x + h, t) - gate(x - h, t)) / (2 * h);
        assert.ok(Math.abs(gateSlope(x, t) - difference) < 1e-7 / t);
        assert.ok(gateSlope(x, t) <= (1 + 1e-15) / (4 * t));
        assert.ok(Math.abs(gate(x, t) + gate(-x, t) - 1) < 1e-15);
      }),
    );
  });
});

describe("the mirror map", () => {
  test("has the inverse slope of the hot gate, and is odd", () => {
    fc.assert(
      fc.property(fc.double({ min: -3, max: 3, noNaN: true }), temperature, (x, hot) => {
        const h = 1e-5 * hot;
        const difference = (mirrorMap(x + h, hot) - mirrorMap(x - h, hot)) / (2 * h);
        assert.ok(Math.abs(difference * gateSlope(x, hot) - 1) < 1e-6);
        assert.equal(mirrorMap(-x, hot), -mirrorMap(x, hot));
      }),
    );
  });

  test("is inverted to 1e-12 relative, from any start", () => {
    // Subnormal numbers have too few digits for a relative error.
    const normal = (x: number): boolean => x === 0 || Math.abs(x) > 1e-290;
    const logit = fc.oneof(
      fc.double({ min: -8, max: 8, noNaN: true }).filter(normal),
      fc.double({ min: -1e-9, max: 1e-9, noNaN: true }).filter(normal),
      fc.constantFrom(0, 8, -8, 1e-250),
    );
    fc.assert(
      fc.property(logit, fc.double({ min: 0.1, max: 4, noNaN: true }), fc.option(logit), (x, hot, near) => {
        const found = mirrorInverse(mirrorMap(x, hot), hot, near ?? undefined);
        assert.ok(Math.abs(found - x) <= 1e-12 * Math.abs(x), `${found} instead of ${x}`);
      }),
      { numRuns: 5000 },
    );
  });

  test("sends every dual variable to a logit, also one beyond all boxes", () => {
    for (const y of [0, 1e-300, 1e5, -1e30, 1e300]) {
      const x = mirrorInverse(y, 0.5);
      assert.ok(Number.isFinite(x) && Math.sign(x) === Math.sign(y));
      if (y !== 0) assert.ok(Math.abs(mirrorMap(x, 0.5) / y - 1) < 1e-10);
    }
  });
});
