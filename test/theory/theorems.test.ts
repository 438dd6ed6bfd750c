import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Random } from "../../lib/engine/index.js";
import { gate, gateSlope } from "../../lib/relaxation/index.js";
import {
  adaptiveBounds,
  approximationBound,
  bestRate,
  bestStep,
  certificate,
  classicalBound,
  compareTemperatures,
  convexRate,
  descent,
  descentRate,
  descentRun,
  discretisationGap,
  enumerate,
  initialDivergence,
  largestSlopeGap,
  runTestbed,
  stationarity,
  subsetProblem,
  type SubsetProblem,
} from "../../lib/theory/index.js";
import { unmet } from "../../lib/theory/bound.js";
import { adversaries, contest, randomSettings } from "./sequences.js";

describe("Theorem 2", () => {
  const horizon = { cold: 0.05, hot: 0.5, divergence: 0.8, meanSquare: 2, steps: 300 };

  test("the best step makes the bound smallest, and the rate is its value", () => {
    const { cold, hot, divergence, meanSquare, steps } = horizon;
    const bound = (eta: number): number => (divergence / eta + (eta * meanSquare * steps) / (32 * cold * hot)) / steps;
    const best = bestStep(horizon);
    assert.ok(bound(best) < bound(1.01 * best) && bound(best) < bound(0.99 * best));
    assert.ok(Math.abs(bound(best) / bestRate(horizon) - 1) < 1e-12);
  });

  test("the rate depends on the temperatures through their ratio only, and tends to sqrt(G2 D ln 2 / (2 T))", () => {
    const rate = (cold: number, hot: number): number => {
      const box = { coldTemperature: cold, hotTemperature: hot, logitBound: 5 * hot };
      const divergence = initialDivergence(new Float64Array(7), new Uint8Array(7), box);
      return bestRate({ cold, hot, divergence, meanSquare: 2, steps: 300 });
    };
    assert.ok(Math.abs(rate(0.01, 0.1) / rate(0.1, 1) - 1) < 1e-9);
    assert.ok(Math.abs(rate(0.002, 1) / Math.sqrt((2 * 7 * Math.LN2) / 600) - 1) < 1e-4);
  });

  test("has no sides for a loss that isn't convex, and says so", () => {
    const run = { lossOfMean: 1, meanLoss: 1, comparatorLoss: 0, regretBound: 1, steps: 1, convex: false };
    const result = convexRate(run);
    assert.deepEqual([result.left, result.right, result.holds], [undefined, undefined, undefined]);
    assert.equal(result.assumptions[0].text, "the loss isn't convex in the gates");
  });
});

describe("Theorem 3", () => {
  const problem = subsetProblem({ seed: 2 });
  const stepSize = (16 * 0.05 * 0.5) / problem.smoothness;

  test("the largest step that it allows descends at every step", () => {
    const run = descentRun(problem, runTestbed(problem, { stepSize, steps: 300 }));
    assert.equal(descent(run).holds, true);
    assert.equal(stationarity(run, 0).holds, true);
    assert.ok(descent(run).ratio! > 0.1);
  });

  test("sees the gradient of a wrong loss, which no certificate can", () => {
    // Each gate gets its neighbour's gradient.
    const shifted = (g: Float64Array): Float64Array => g.map((_, i) => g[(i + 1) % 12]);
    const wrong = { ...problem, gradient: (a: ArrayLike<number>) => shifted(problem.gradient(a)) };
    const run = runTestbed(wrong, { stepSize, steps: 300 });
    assert.equal(certificate(run.accumulators, run.settings, run.mask).holds, true);
    assert.equal(descent(descentRun(problem, run)).holds, false);
  });

  test("says which assumption fails", () => {
    const run = descentRun(problem, runTestbed(problem, { stepSize, steps: 5 }));
    const broken = [
      { ...run, update: "euler" },
      { ...run, fullBatch: false },
      { ...run, smoothness: undefined },
      { ...run, stepSize: 2 * stepSize },
    ].map((changed) => descent(changed).assumptions.filter(({ holds }) => !holds)[0].text);
    assert.match(broken[0], /update is euler/);
    assert.match(broken[1], /batches/);
    assert.match(broken[2], /Lipschitz/);
    assert.match(broken[3], /step size .* is above/);
    assert.equal(stationarity({ ...run, stepSize: stepSize / 2 }, 0).holds, undefined);
  });

  test("the two-temperature direction descends, at the stated rate", () => {
    const random = new Random(1, "directions");
    for (let k = 0; k < 50; k++) {
      const logits = Float64Array.from({ length: 12 }, () => random.normal() / 3);
      const relaxed = (theta: Float64Array): number => problem.loss(theta.map((x) => gate(x, 0.2)));
      const g = problem.gradient(logits.map((x) => gate(x, 0.2)));
      const v = g.map((x, i) => x * gateSlope(logits[i], 0.8));
      const h = 1e-5;
      const ahead = relaxed(logits.map((x, i) => x + h * v[i]));
      const behind = relaxed(logits.map((x, i) => x - h * v[i]));
      const rate = descentRate(logits, g, 0.2, 0.8);
      assert.ok(rate >= 0 && Math.abs((ahead - behind) / (2 * h) - rate) < 1e-6 * (1 + rate));
    }
  });
});

describe("Theorem 4", () => {
  test("encloses the discretisation gap of a convex loss", () => {
    for (const kind of ["logistic", "linear"] as const) {
      const problem = subsetProblem({ kind, seed: 1 });
      const random = new Random(1, "gates", kind);
      for (let k = 0; k < 100; k++) {
        const logits = Float64Array.from({ length: 12 }, () => random.normal());
        const gates = logits.map((x) => gate(x, 0.3));
        const mask = Float64Array.from(logits, (x) => (x > 0 ? 1 : 0));
        logits.forEach((x, i) => assert.ok(Math.abs(Math.abs(mask[i] - gates[i]) - gate(-Math.abs(x), 0.3)) < 1e-15));
        const { gap, firstOrder, bound } = discretisationGap({
          gates,
          mask,
          lossOfGates: problem.loss(gates),
          lossOfMask: problem.loss(mask),
          gradientAtGates: problem.gradient(gates),
          gradientAtMask: problem.gradient(mask),
          convex: true,
        });
        assert.equal(bound.holds, true);
        assert.ok(firstOrder[0] <= gap + 1e-12 && gap <= firstOrder[1] + 1e-12);
      }
    }
  });

  test("gives first-order estimates and no bound otherwise", () => {
    const zero = [0];
    const flat = {
      gates: [0.5],
      mask: [1],
      lossOfGates: 1,
      lossOfMask: 2,
      gradientAtGates: zero,
      gradientAtMask: zero,
    };
    const result = discretisationGap({ ...flat, convex: false });
    assert.deepEqual([result.gap, result.bound.holds, result.bound.left], [1, undefined, undefined]);
    assert.match(result.bound.assumptions[0].text, /first-order/);
    // The same numbers can't be a convex loss: the gap is above its upper side.
    assert.equal(discretisationGap({ ...flat, convex: true }).bound.holds, false);
  });
});

describe("Theorem 5", () => {
  test("Delta(R) is the largest difference of the slopes, at 0 when th >= 2 tc", () => {
    assert.ok(Math.abs(largestSlopeGap(0.1, 0.2, 3) - (1 / 0.4 - 1 / 0.8)) < 1e-15);
    for (const [cold, hot] of [
      [0.1, 0.11],
      [0.3, 0.5],
      [1, 1],
      [0.05, 1],
    ]) {
      const dense = Array.from({ length: 100_001 }, (_, k) =>
        Math.abs(gateSlope(k * 3e-5, cold) - gateSlope(k * 3e-5, hot)),
      );
      const largest = dense.reduce((a, b) => Math.max(a, b));
      assert.ok(Math.abs(largestSlopeGap(cold, hot, 3) - largest) <= 1e-8 / cold);
      assert.ok(largestSlopeGap(cold, hot, 3) >= largest * (1 - 1e-15));
    }
  });

  test("bounds the error of every two-temperature gradient, and is reached", () => {
    const random = new Random(1, "errors");
    let most = 0;
    for (let k = 0; k < 2000; k++) {
      const cold = 0.05 + random.uniform();
      const hot = cold * (1 + 3 * random.uniform());
      const logits = Float64Array.from({ length: 3 }, () => (k % 10 === 0 ? 0 : 2 * random.uniform() - 1));
      const result = approximationBound(
        logits,
        Float64Array.from({ length: 3 }, () => random.normal()),
        cold,
        hot,
        1,
      );
      assert.equal(result.holds, true);
      most = Math.max(most, result.ratio!);
    }
    assert.ok(most > 0.999);
  });

  test("leaves a floor under the classical analysis where Theorem 2 has none", () => {
    const problem = subsetProblem({ seed: 1 });
    const rates = [200, 2000].map((steps) => {
      const run = runTestbed(problem, { update: "euler", steps });
      const { right } = certificate(run.accumulators, run.settings, run.mask).atFinal;
      return { classical: classicalBound(problem, run, 0, false), own: right! / steps };
    });
    assert.ok(rates[1].own < 0.5 * rates[0].own);
    const [{ floor: before }, { floor, total }] = rates.map(({ classical }) => classical.terms);
    assert.ok(total > floor && floor > 0.9 * before);
    for (const { classical } of rates) {
      assert.deepEqual([classical.left, classical.right, classical.holds], [undefined, undefined, undefined]);
      assert.equal(unmet(classical), "the relaxed loss isn't convex in the logits");
    }
  });

  test("has the classical bound where the relaxed loss is convex", () => {
    // (s_1(x) - 1/2)^2 = tanh(x / 2)^2 / 4 is convex for |x| up to 2 artanh(1 / sqrt 3) = 1.3.
    const problem: SubsetProblem = {
      ...subsetProblem({ gateCount: 1 }),
      loss: (a) => (a[0] - 0.5) ** 2,
      gradient: (a) => Float64Array.of(2 * (a[0] - 0.5)),
    };
    const box = { coldTemperature: 1, hotTemperature: 1.2, logitBound: 1.3 };
    for (const stepSize of [0.01, 0.1, 1, 10]) {
      const options = { ...box, update: "euler", stepSize, steps: 100, initialLogits: [1.2] } as const;
      const result = classicalBound(problem, runTestbed(problem, options), 0, true);
      assert.equal(result.holds, true);
      assert.ok(result.ratio! > 0 && result.ratio! < 1);
    }
  });
});

describe("Theorem 8", () => {
  test("both lines hold on 1,500 random runs, and the first is tight", (context) => {
    const tightest = [0, 0];
    const kinds = Object.keys(adversaries);
    for (let key = 0; key < 1500; key++) {
      const random = new Random(key, "adaptive paths");
      const settings = randomSettings(random, "adaptive", 1 + random.integer(3));
      const logits: Float64Array[] = [];
      const gradients: Float64Array[] = [];
      const adversary = adversaries[kinds[key % kinds.length]];
      contest(
        settings,
        (a, step, draws) => {
          const g = adversary(a, step, draws);
          gradients.push(g);
          return g;
        },
        1 + random.integer(40),
        key,
        (theta) => logits.push(theta),
      );
      const { coldTemperature: cold, hotTemperature: hot, logitBound: radius, stepSize } = settings;
      const mask = Array.from({ length: settings.gateCount }, () => random.integer(2));
      adaptiveBounds({ cold, hot, radius, stepSize, logits, gradients }, mask).forEach((line, k) => {
        assert.equal(line.holds, true, `${kinds[key % kinds.length]} ${key}: ${line.left} > ${line.right}`);
        tightest[k] = Math.max(tightest[k], line.ratio!);
      });
    }
    context.diagnostic(`tightest ratios: ${tightest}`);
    assert.ok(tightest[0] > 0.8 && tightest[0] <= 1 + 1e-9);
  });
});

describe("the testbed", () => {
  test("enumerates what a plain loop over all architectures finds", () => {
    for (const kind of ["logistic", "linear"] as const) {
      const problem = subsetProblem({ kind, gateCount: 8, points: 50, seed: 5 });
      const { losses, loss, mask } = enumerate(problem, true);
      const plain = Array.from({ length: 256 }, (_, code) =>
        problem.loss(Array.from({ length: 8 }, (_, i) => (code >> i) & 1)),
      );
      plain.forEach((value, code) => assert.ok(Math.abs(value - losses![code]) < 1e-12));
      assert.equal(loss, Math.min(...plain));
      assert.equal(problem.loss(mask), loss);
    }
  });

  test("its gradient is the derivative of its loss, over all points and over some", () => {
    for (const kind of ["logistic", "linear"] as const) {
      const problem = subsetProblem({ kind, seed: 5 });
      const a = new Random(2, "point").uniforms(12);
      for (const rows of [undefined, Int32Array.of(3, 99, 7)]) {
        const g = problem.gradient(a, rows);
        for (let i = 0; i < 12; i++) {
          const at = (h: number): number =>
            problem.loss(
              Array.from(a, (x, k) => (k === i ? x + h : x)),
              rows,
            );
          assert.ok(Math.abs((at(1e-5) - at(-1e-5)) / 2e-5 - g[i]) < 1e-7);
        }
      }
    }
  });

  test("its smoothness bounds how fast the gradient turns, and not by much", () => {
    for (const kind of ["logistic", "linear"] as const) {
      const problem = subsetProblem({ kind, seed: 5 });
      const random = new Random(3, "pairs", kind);
      let steepest = 0;
      for (let k = 0; k < 300; k++) {
        const a = Float64Array.from({ length: 12 }, () => random.uniform());
        const b = a.map((x) => x + 0.01 * random.normal());
        const [ga, gb] = [problem.gradient(a), problem.gradient(b)];
        const turn = Math.hypot(...ga.map((x, i) => x - gb[i])) / Math.hypot(...a.map((x, i) => x - b[i]));
        steepest = Math.max(steepest, turn / problem.smoothness);
      }
      assert.ok(steepest <= 1 && steepest > 0.3);
    }
  });
});

describe("temperatures on the testbed", () => {
  const problem = subsetProblem({ seed: 0 });
  const two = { coldTemperature: 0.05, hotTemperature: 0.5 };
  const one = { coldTemperature: 1, hotTemperature: 1 };

  test("rows are the runs', each pair of temperatures with each number of steps, above the best", () => {
    const rows = compareTemperatures(problem, [two, one], [20, 40], { seed: 3 });
    assert.deepEqual(
      rows.map(({ cold, hot, steps }) => [cold, hot, steps]),
      [
        [0.05, 0.5, 20],
        [0.05, 0.5, 40],
        [1, 1, 20],
        [1, 1, 40],
      ],
    );
    const run = runTestbed(problem, { ...one, steps: 40, seed: 3 });
    assert.equal(rows[3].start, run.losses[0]);
    assert.equal(rows[3].end, run.losses[40]);
    assert.equal(rows[3].architecture, problem.loss(run.mask));
    for (const { best, architecture } of rows) assert.ok(best <= architecture + 1e-12);
  });

  test("two reach the best architecture's value, one warm temperature stays above it", () => {
    const [cold, warm] = compareTemperatures(problem, [two, one], [200]);
    assert.ok(cold.end - cold.best < 0.01);
    assert.ok(warm.end - warm.best > 0.02, `${warm.end - warm.best}`);
  });
});
