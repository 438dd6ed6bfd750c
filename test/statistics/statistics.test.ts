import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Random } from "../../lib/engine/random.js";
import { TwotempError } from "../../lib/errors.js";
import { average, effect, holm, varianceParts, type Measurement } from "../../lib/statistics/index.js";
import { arm } from "./arm.js";
import { studentQuantile, studentTails } from "../../lib/statistics/student.js";

describe("Student's t", () => {
  test("agrees with printed tables", () => {
    for (const [degrees, quantile] of [
      [1, 12.7062047],
      [4, 2.7764451],
      [9, 2.2621572],
      [30, 2.0422725],
      [1e6, 1.9599663],
    ]) {
      assert.ok(Math.abs(studentQuantile(0.05, degrees) - quantile) < 2e-6, `t(${degrees})`);
    }
    assert.ok(Math.abs(studentTails(2, 2) - 0.183503419) < 1e-8);
    assert.equal(studentTails(0, 3), 1);
  });
});

describe("effect", () => {
  test("is the difference of means, and equals the paired t interval when only searches vary", () => {
    const learned = [4, 6, 5, 9, 6].flatMap((value, search) =>
      [0, 1].map((retraining) => ({ search, retraining, value })),
    );
    const control = [3, 3, 3, 3, 3].flatMap((value, search) =>
      [0, 1].map((retraining) => ({ search, retraining, value })),
    );
    const result = effect(learned, control);
    assert.equal(result.effect, 3);
    assert.equal(result.searches, 5);
    assert.equal(result.retrainings, 2);
    // deviation 1.8708 / sqrt 5, t(4) = 2.7764: 3 -+ 2.323; the bootstrap gives the same width, a little askew
    assert.ok(Math.abs(result.standardError - 0.83666) < 1e-5);
    assert.equal(result.degrees, 4);
    assert.ok(Math.abs(result.high - result.low - 4.646) < 0.25, `${result.low} to ${result.high}`);
    assert.ok(Math.abs(result.p - 0.0231) < 0.01, `p = ${result.p}`);
  });

  test("cancels what a retraining adds to both arms", () => {
    const random = new Random(1, "test");
    const shifts = random.normals(5, 10);
    const result = effect(
      arm(random, 5, shifts, { mean: 2, noise: 0.1 }),
      arm(random, 20, shifts, { mean: 0, noise: 0.1 }),
    );
    assert.ok(Math.abs(result.effect - 2) < 0.2);
    assert.ok(result.high - result.low < 0.5, `${result.low} to ${result.high}`);
    assert.ok(average(arm(random, 5, shifts, {})).high - average(arm(random, 5, shifts, {})).low > 5);
  });

  test("doesn't depend on the order of the rows, repeats, and follows shift and scale", () => {
    const random = new Random(2, "test");
    const shifts = random.normals(4, 1);
    const learned = arm(random, 6, shifts, { mean: 1, search: 1, noise: 1 });
    const control = arm(random, 3, shifts, { search: 1, noise: 1 });
    const first = effect(learned, control);
    assert.deepEqual(effect([...learned].reverse(), [...control].reverse()), first);
    fc.assert(
      fc.property(
        fc.double({ min: 0.1, max: 100, noNaN: true }),
        fc.double({ min: -9, max: 9, noNaN: true }),
        (by, to) => {
          const move = (row: Measurement): Measurement => ({ ...row, value: row.value * by + to });
          const moved = effect(learned.map(move), control.map(move), { resamples: 1000 });
          const still = effect(learned, control, { resamples: 1000 });
          for (const key of ["effect", "low", "high"] as const) {
            assert.ok(Math.abs(moved[key] - by * still[key]) < 1e-8 * (1 + by), key);
          }
        },
      ),
      { numRuns: 20 },
    );
  });

  test("p falls below 0.05 exactly when the 95 % interval leaves zero out", () => {
    for (let i = 0; i < 40; i++) {
      const random = new Random(i, "p");
      const shifts = random.normals(5, 1);
      const result = effect(
        arm(random, 5, shifts, { mean: 1, search: 1, noise: 0.5 }),
        arm(random, 8, shifts, { search: 0.5, noise: 0.5 }),
        { resamples: 1000 },
      );
      assert.equal(result.p < 0.05, result.low > 0 || result.high < 0, JSON.stringify(result));
    }
  });

  test("one architecture with one retraining gives the whole line", () => {
    const one = effect([{ search: 0, retraining: 0, value: 1 }], [{ search: 0, retraining: 0, value: 0 }]);
    assert.deepEqual([one.effect, one.low, one.high, one.p], [1, -Infinity, Infinity, 1]);
  });

  test("equal arms differ by exactly nothing", () => {
    const rows = arm(new Random(3, "test"), 5, new Random(4, "test").normals(5, 1), { search: 1 });
    const { effect: difference, low, high, p } = effect(rows, rows);
    assert.deepEqual([difference, low, high, p], [0, 0, 0, 1]);
    // Means of 5 and of 24 equal values differ by rounding.
    const constant = (searches: number): Measurement[] =>
      Array.from({ length: 5 * searches }, (_, i) => ({ search: Math.floor(i / 5), retraining: i % 5, value: 12.3 }));
    const equal = effect(constant(5), constant(24));
    assert.deepEqual([equal.effect, equal.low, equal.high, equal.p], [0, 0, 0, 1]);
    // More values than a call can have arguments.
    const many = Array.from({ length: 200_000 }, (_, i) => ({ search: i % 2, retraining: i >> 1, value: i % 2 }));
    assert.equal(effect(many, many, { resamples: 1000 }).effect, 0);
  });

  test("the scantest data prove nothing", () => {
    const of = (rows: readonly (readonly number[])[]): Measurement[] =>
      rows.flatMap((row, search) => row.map((value, retraining) => ({ search, retraining, value })));
    const nothing = (rows: readonly (readonly number[])[]): Measurement[] => of(rows.map((row) => row.map(() => 0)));
    // Rows and columns have the same means: all that differs is in between.
    const crossed = [
      [1, 0],
      [0, 1],
    ];
    const one = effect(of(crossed), nothing(crossed));
    assert.ok(one.low < 0 && one.high > 1 && one.p > 0.05, JSON.stringify(one));
    const same = [[0.1], [0.1]];
    const whole = effect(of(same), nothing(same));
    assert.deepEqual([whole.effect, whole.low, whole.high, whole.p], [0.1, -Infinity, Infinity, 1]);
    const rates = Array.from({ length: 2000 }, (_, draw) => {
      const random = new Random(draw, "scant");
      const drawn = (): number[][] =>
        [0, 1].map(() => [random.uniforms(10).reduce((sum, value) => sum + (value < 0.5 ? 0.1 : 0), 0)]);
      return effect(of(drawn()), of(drawn()), { resamples: 1000 }).p < 0.001 ? 1 : 0;
    });
    assert.ok(rates.reduce<number>((sum, found) => sum + found, 0) / rates.length < 0.01);
  });

  test("p far out is Student's, not what a few resamples happen to reach", () => {
    const values = Array.from(new Random(1, "far").normals(40));
    const centre = values.reduce((sum, value) => sum + value / 40, 0);
    const error = Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / 39 / 40);
    const at = (z: number, resamples: number): number =>
      effect(
        values.map((value, search) => ({ search, retraining: 0, value: value - centre + z * error })),
        [{ search: 0, retraining: 0, value: 0 }],
        { resamples },
      ).p;
    // Two-sided, of 39 degrees of freedom.
    for (const [z, student] of [
      [4, 2.7e-4],
      [5, 1.26e-5],
      [6, 5.3e-7],
    ]) {
      for (const resamples of [1000, 10_000]) {
        const p = at(z, resamples);
        assert.ok(p > student / 4 && p < student * 4, `${z}: ${p}, Student's ${student}`);
      }
    }
  });

  test("refuses tables with holes, other retrainings, and values that aren't numbers", () => {
    const full = arm(new Random(5, "test"), 3, new Float32Array(3), { search: 1 });
    const code = (expected: string) => (error: unknown) => error instanceof TwotempError && error.code === expected;
    assert.throws(() => effect(full.slice(1), full), code("statistics/unbalanced"));
    assert.throws(
      () => effect(full, arm(new Random(5, "test"), 3, new Float32Array(2), {})),
      code("statistics/unbalanced"),
    );
    assert.throws(() => effect([], full), code("statistics/empty"));
    assert.throws(() => effect([...full, { search: 0, retraining: 0, value: NaN }], full), code("statistics/value"));
    assert.throws(() => effect(full, full.slice(0, 3), { paired: true }), code("statistics/paired"));
    assert.throws(() => effect(full, full, { level: 95 }), code("statistics/level"));
  });

  test("10,000 resamples of a 24 x 5 table take well under 100 ms", () => {
    const random = new Random(6, "test");
    const shifts = random.normals(5, 1);
    const learned = arm(random, 24, shifts, { search: 1, noise: 1 });
    effect(learned, learned.slice(5));
    const times = Array.from({ length: 5 }, () => {
      const started = performance.now();
      effect(learned, learned.slice(5));
      return performance.now() - started;
    });
    assert.ok(Math.min(...times) < 100, `${Math.min(...times)} ms`);
  });
});

describe("holm", () => {
  test("agrees with a worked example and never lowers a p-value", () => {
    assert.deepEqual(
      holm([0.01, 0.04, 0.03, 0.005]).map((p) => Number(p.toFixed(10))),
      [0.03, 0.06, 0.06, 0.02],
    );
    assert.deepEqual(holm([]), []);
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true })), (p) => {
        const adjusted = holm(p);
        p.forEach((value, i) => {
          assert.ok(adjusted[i] >= value && adjusted[i] <= 1);
          p.forEach((other, j) => assert.ok(value > other || adjusted[i] <= adjusted[j]));
        });
      }),
    );
    assert.throws(() => holm([0.5, NaN]), TwotempError);
  });
});

describe("varianceParts", () => {
  test("finds the parts that were put in", () => {
    const sums = { search: 0, retraining: 0, episode: 0, residual: 0, total: 0 };
    const repeats = 60;
    for (let repeat = 0; repeat < repeats; repeat++) {
      const random = new Random(repeat, "parts");
      const [searches, retrainings, episodes] = [2, 1, 3].map((deviation) => random.normals(8, deviation));
      const rows = [];
      for (let s = 0; s < 8; s++)
        for (let r = 0; r < 4; r++)
          for (let e = 0; e < 5; e++)
            rows.push({
              search: s,
              retraining: r,
              episode: e,
              value: 50 + searches[s] + retrainings[r] + episodes[e] + 0.5 * random.normal(),
            });
      const parts = varianceParts(rows);
      for (const key of Object.keys(sums) as (keyof typeof sums)[]) sums[key] += (parts[key] as number) / repeats;
    }
    for (const [key, expected, tolerance] of [
      ["search", 4, 1],
      ["retraining", 1, 0.4],
      ["episode", 9, 2.5],
      ["residual", 0.25, 0.02],
      ["total", 14.25, 3],
    ] as const) {
      assert.ok(Math.abs(sums[key] - expected) < tolerance, `${key}: ${sums[key]}`);
    }
  });

  test("is what all pairs of values say, of designs with holes, too, and of many values", () => {
    const random = new Random(0, "pairs");
    const rows = Array.from({ length: 60 }, () => ({
      search: random.integer(4),
      retraining: random.integer(3),
      episode: random.integer(5),
      value: random.normal(),
    }));
    const centre = rows.reduce((sum, { value }) => sum + value, 0) / rows.length;
    const meanProduct = (...shared: string[]): number => {
      const products = rows.flatMap((a, i) =>
        rows
          .slice(0, i)
          .filter((b) => sources.every((source) => (a[source] === b[source]) === shared.includes(source)))
          .map((b) => (a.value - centre) * (b.value - centre)),
      );
      return products.reduce((sum, product) => sum + product, 0) / products.length;
    };
    const sources = ["search", "retraining", "episode"] as const;
    const parts = varianceParts(rows);
    for (const source of sources) {
      assert.ok(Math.abs(parts[source]! - (meanProduct(source) - meanProduct())) < 1e-12, source);
    }
    const many = Array.from({ length: 20_000 }, (_, i) => ({
      search: i % 10,
      retraining: Math.floor(i / 10),
      episode: Math.floor(i / 10),
      value: i % 10,
    }));
    assert.ok(Math.abs(varianceParts(many).search! - 82.5 / 9) < 1e-3);
  });

  test("leaves out what a design can't tell", () => {
    const rows = [0, 1, 2].flatMap((search) =>
      [0, 1].map((seed) => ({ search, retraining: seed, episode: seed, value: search + seed })),
    );
    const confounded = varianceParts(rows);
    assert.equal(confounded.retraining, undefined);
    assert.equal(confounded.residual, undefined);
    assert.ok(Math.abs((confounded.search as number) - 1) < 1e-12);
    const single = varianceParts(rows.map((row) => ({ ...row, episode: 0 })));
    assert.equal(single.episode, undefined);
    assert.ok(Math.abs((single.retraining as number) - 0.5) < 1e-12);
    assert.ok(Math.abs(single.residual as number) < 1e-12);
    assert.throws(() => varianceParts([]), TwotempError);
  });
});
