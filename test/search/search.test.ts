import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import {
  dataset,
  Dataset,
  mlp,
  type Progress,
  Random,
  ready,
  resumeSearch,
  search,
  searches,
  searchSpace,
  type SearchCheckpoint,
  type SearchOptions,
  type SearchSpace,
  TwotempError,
} from "../../lib/index.js";
import { crossEntropy, differentiate } from "../../lib/search/objective.js";
import { batchOf } from "../../lib/search/batches.js";
import { type Budget, expandGates, forward, forwardSlots, gateSlots } from "../../lib/space/index.js";
import { type Address, softmaxCrossEntropy } from "../../lib/engine/index.js";
import { unmet } from "../../lib/theory/bound.js";
import { findsInputs, short, spaceOf, testBudget, testNarrowing, testRepeating, testStrategy } from "./searches.js";
import type { WeightStrategyName } from "../../lib/search/index.js";

let source: Dataset;

before(async () => {
  await ready();
  source = (await dataset("digits:0-4")).standardised();
});

describe("the gradient of the gates", () => {
  for (const gates of ["input", "weight", "unit"] as const) {
    test(`of ${gates} gates is that of finite differences`, () => {
      const space = spaceOf(source, gates);
      const slots = gateSlots(space.plan);
      const weights = space.initialise(1, "test");
      const batch = batchOf(source, "train", [0, 5, 9, 200, 31, 77]);
      const random = new Random(2, "gates");
      const values = Float32Array.from({ length: space.gateCount }, () => 0.3 + 0.6 * random.uniform());
      const at = tf.tensor1d(values);
      const { gateGradient } = differentiate(
        space.plan,
        slots,
        weights,
        at,
        crossEntropy(space.plan, slots, batch, {}),
        false,
      );
      // The factor that keeps the variance is a constant to the gradient, so it is held fixed here.
      const factors = expandGates(slots, at).factors.map((factor) => factor?.dataSync()[0] ?? 1);
      const lossAt = (gateValues: Float32Array): number =>
        tf.tidy(() => {
          const { values: read } = expandGates(slots, tf.tensor1d(gateValues), false);
          const scaled = read.map((value, s) => tf.mul(value, factors[s]));
          const masked = weights.map((weight, w) => {
            const s = slots.findIndex((slot) => slot.call === undefined && slot.index === w);
            return s < 0 ? weight : tf.mul(weight, scaled[s]);
          });
          const [logits] = forwardSlots(space.plan, slots, masked, scaled, [batch.inputs], { logits: true });
          return softmaxCrossEntropy(batch.labels, logits as tf.Tensor2D).dataSync()[0];
        });
      const gradient = gateGradient.dataSync();
      const largest = Math.max(...gradient.map(Math.abs));
      for (const gate of new Random(4, "checked gates").permutation(space.gateCount, 12)) {
        const h = 1e-2;
        const moved = (by: number): Float32Array => values.map((value, i) => (i === gate ? value + by : value));
        const difference = (lossAt(moved(h)) - lossAt(moved(-h))) / (2 * h);
        assert.ok(
          Math.abs(difference - gradient[gate]) < 0.03 * largest + 1e-4,
          `gate ${gate}: ${difference} and ${gradient[gate]}`,
        );
      }
    });
  }
});

describe("a search", () => {
  // The other strategies are in `search.slow.test.ts`.
  for (const weights of ["reset", "episode"] as const) testStrategy(() => source, weights);
  // As many gates are moved in float32, by another op.
  testRepeating(() => source, "reset", "weight", [260]);

  testNarrowing(() => source, "reset");

  test("refuses to leave gates out where their gradient or their number is drawn", () => {
    const space = spaceOf(source, "unit");
    for (const given of [{ weights: "episode" }, { estimator: "hard-concrete", update: "adam" }] as const) {
      assert.throws(() => search(space, source, { ...short, ...given, wholeEvery: 8 }), {
        code: "search/options",
        message: /^wholeEvery 8 beside .*: leave it out$/,
      });
    }
  });

  test("keeps exactly the density asked for", async () => {
    const run = await search(spaceOf(source, "input"), source, short).run();
    for (const density of [1 / 64, 0.25, 0.5, 1]) {
      const { mask } = run.architecture({ density });
      assert.equal(
        mask.reduce((sum, gate) => sum + gate, 0),
        Math.round(density * 64),
      );
    }
  });

  testBudget(() => source, "parameters");

  test("mends what a density would cut", async () => {
    const space = spaceOf(source, "weight", [16]);
    const run = search(space, source, { ...short, steps: 3, density: 0.01 });
    await run.run();
    const { mask, provenance } = run.architecture();
    assert.equal(
      mask.reduce((sum, gate) => sum + gate, 0),
      Math.round(0.01 * space.gateCount),
    );
    assert.ok((provenance.opened as number[]).length > 0);
  });

  test("finds the inputs that carry the label, and not those that don't", () => findsInputs({ seed: 5, steps: 500 }));

  test("stops at the signal, keeps what was reached, and goes on", async () => {
    const space = spaceOf(source, "input");
    const stop = new AbortController();
    const run = search(space, source, short);
    await run.run({ signal: stop.signal, onStep: ({ step }) => step === 12 && stop.abort() });
    assert.equal(run.step, 12);
    await run.run();
    assert.deepEqual(run.logits(), (await search(space, source, short).run()).logits());
  });

  test("measures what rounding costs, beside first-order estimates, and goes on as if nothing had been asked", async () => {
    const space = spaceOf(source, "input");
    for (const weights of ["reset", "episode"] as const) {
      const [asked, other] = [0, 1].map(() => search(space, source, { ...short, weights }));
      for (let step = 0; step < 10; step++) [asked, other].forEach((run) => run.advance());
      const { gap, firstOrder, bound } = asked.discretisation();
      assert.ok(Number.isFinite(gap) && firstOrder.every(Number.isFinite));
      assert.deepEqual([bound.left, bound.holds], [undefined, undefined]);
      for (let step = 0; step < 10; step++) [asked, other].forEach((run) => run.advance());
      assert.deepEqual(asked.logits(), other.logits());
    }
  });

  test("goes on as if nothing had been asked where it leaves gates out, and asks the whole network", () => {
    const space = spaceOf(source, "unit");
    const options = { ...short, density: 0.2, densityDecay: 0.2, steps: 200, wholeEvery: 4 };
    const [asked, other] = [0, 1].map(() => search(space, source, options));
    for (let step = 0; step < 200; step++) {
      asked.advance();
      other.advance();
      if (step >= 80) asked.discretisation();
    }
    assert.deepEqual(asked.logits(), other.logits());
    assert.deepEqual(asked.discretisation(), other.discretisation());
  });

  test("of one seed is one search, whatever numbers layers draw", () => {
    const draws = [
      tf.layers.dropout({ rate: 0.3 }),
      tf.layers.gaussianNoise({ stddev: 0.5 }),
      tf.layers.gaussianDropout({ rate: 0.3 }),
      tf.layers.alphaDropout({ rate: 0.3 }),
    ];
    for (const layer of draws) {
      const input = tf.input({ shape: [8, 8, 1] });
      const hidden = tf.layers.dense({ units: 16, activation: "selu" }).apply(tf.layers.flatten().apply(input));
      const output = tf.layers
        .dense({ units: 5, activation: "softmax" })
        .apply(layer.apply(hidden)) as tf.SymbolicTensor;
      const space = searchSpace(tf.model({ inputs: input, outputs: output }), { gates: "input" });
      const [first, same, other] = [1, 1, 2].map((seed) => {
        const run = search(space, source, { ...short, steps: 5, seed });
        while (!run.finished) run.advance();
        return run.logits();
      });
      assert.deepEqual(first, same, layer.name);
      assert.notDeepEqual(first, other, layer.name);
    }
  });

  test("draws what recurrent layers drop by the seed, and leaves nothing of it", () => {
    // Of layers within layers the weights stay as TensorFlow.js built them: by a seed, too, as the mean depends on them.
    const rates = {
      units: 6,
      dropout: 0.3,
      recurrentDropout: 0.3,
      kernelInitializer: tf.initializers.glorotUniform({ seed: 1 }),
      recurrentInitializer: tf.initializers.orthogonal({ seed: 1 }),
      name: "drops",
    };
    const cells = [tf.layers.gruCell(rates), tf.layers.simpleRNNCell({ ...rates, name: "drops_too" })];
    const layers: Record<string, tf.layers.Layer> = {
      lstm: tf.layers.lstm(rates),
      "one direction and the other": tf.layers.bidirectional({
        layer: tf.layers.gru(rates) as tf.layers.RNN,
        name: "both",
      }),
      "a stack of cells": tf.layers.rnn({ cell: tf.layers.stackedRNNCells({ cells, name: "stack" }), name: "stacked" }),
    };
    const rows = tf.randomUniform([3, 8, 8, 1], 0, 1, "float32", 0);
    for (const [name, layer] of Object.entries(layers)) {
      const input = tf.input({ shape: [8, 8, 1] });
      const hidden = layer.apply(tf.layers.reshape({ targetShape: [8, 8] }).apply(input));
      const output = tf.layers
        .dense({ units: 5, activation: "softmax", name: "head" })
        .apply(hidden) as tf.SymbolicTensor;
      const space = searchSpace(tf.model({ inputs: input, outputs: output }), { gates: "input" });
      const weights = space.initialise(0, "weights");
      const of = (dropout?: Address): ArrayLike<number> => {
        const options = { training: dropout !== undefined, dropout };
        return tf.tidy(() => forward(space.plan, weights, undefined, [rows], options)[0].dataSync());
      };
      assert.deepEqual(of([1]), of([1]), name);
      assert.notDeepEqual(of([1]), of([2]), name);
      const mean = Array.from({ length: 400 }, (_, draw) => of([draw])[0]).reduce((sum, value) => sum + value / 400, 0);
      assert.ok(Math.abs(mean - of()[0]) < 0.1, `${name}: ${mean}, without draws ${of()[0]}`);
      const before = tf.memory().numTensors;
      const [first, same] = [0, 1].map(() => {
        const run = search(space, source, { ...short, steps: 5, seed: 1 });
        while (!run.finished) run.advance();
        const logits = run.logits();
        run.dispose();
        return logits;
      });
      assert.deepEqual(first, same, name);
      assert.equal(tf.memory().numTensors, before, name);
      tf.dispose(weights);
    }
    const repeated = tf.layers.timeDistributed({ layer: tf.layers.dropout({ rate: 0.5 }) });
    const input = tf.input({ shape: [8, 8, 1] });
    const flat = tf.layers.flatten().apply(repeated.apply(tf.layers.reshape({ targetShape: [8, 8] }).apply(input)));
    const output = tf.layers.dense({ units: 5, activation: "softmax" }).apply(flat) as tf.SymbolicTensor;
    const space = searchSpace(tf.model({ inputs: input, outputs: output }), { gates: "input" });
    const run = search(space, source, { ...short, steps: 5 });
    assert.throws(() => run.advance(), { code: "space/dropout", message: /holds Dropout.*before or behind/ });
    run.dispose();
    rows.dispose();
  });

  test("noise keeps mean and spread as Keras's does", () => {
    const input = tf.input({ shape: [40] });
    const expected = { gaussianNoise: 1.25, gaussianDropout: 1 + 2 * (0.3 / 0.7), alphaDropout: 1 };
    const layers = {
      gaussianNoise: tf.layers.gaussianNoise({ stddev: 0.5 }),
      gaussianDropout: tf.layers.gaussianDropout({ rate: 0.3 }),
      alphaDropout: tf.layers.alphaDropout({ rate: 0.3 }),
    };
    // Values of mean 0 and variance 1, but for the dropout that multiplies: there of mean 1.
    for (const [name, layer] of Object.entries(layers) as [keyof typeof layers, tf.layers.Layer][]) {
      const output = tf.layers
        .dense({ units: 40, useBias: false, kernelInitializer: "identity" })
        .apply(layer.apply(input));
      const { plan } = searchSpace(tf.model({ inputs: input, outputs: output as tf.SymbolicTensor }), {
        gates: "input",
      });
      const mean = name === "gaussianDropout" ? 1 : 0;
      const values = tf.tensor2d(
        new Random(0, "values").normals(40_000).map((value) => value + mean),
        [1000, 40],
      );
      const identity = [tf.eye(40)];
      const made = forward(plan, identity, undefined, [values], { training: true, dropout: [3, "noise"] })[0];
      const moments = tf.moments(made);
      assert.ok(Math.abs(moments.mean.dataSync()[0] - mean) < 0.03, name);
      assert.ok(
        Math.abs(moments.variance.dataSync()[0] / expected[name] - 1) < 0.05,
        `${name}: ${moments.variance.dataSync()[0]}`,
      );
    }
  });

  test("ends once, and says so; may be disposed of twice", async () => {
    const space = spaceOf(source, "input");
    const before = tf.memory().numTensors;
    const run = search(space, source, { ...short, steps: 3 });
    await run.run();
    assert.throws(() => run.advance(), { code: "search/ended", message: /has done its 3 steps/ });
    run.dispose();
    run.dispose();
    for (const act of [() => run.advance(), () => run.checkpoint(), () => run.logits(), () => run.architecture()]) {
      assert.throws(act, { code: "search/ended", message: /has been disposed of/ });
    }
    assert.throws(() => resumeSearch(space, source, undefined as never), {
      code: "search/checkpoint",
    });
    assert.equal(tf.memory().numTensors, before);
  });

  test("goes on only with the model, the gates and the examples that it was begun with", async () => {
    const network = (activation: "relu" | "tanh" = "relu"): SearchSpace =>
      searchSpace(mlp({ inputShape: [8, 8, 1], hidden: [16], classes: 5, activation }), { gates: "input" });
    const first = search(network(), source, short);
    while (first.step < 3) first.advance();
    const checkpoint = first.checkpoint();
    assert.equal(resumeSearch(network(), source, checkpoint).step, 3);
    const others = (await dataset("digits:5-9")).standardised();
    const { train } = source;
    const labels = train.labels.slice();
    labels[0] = (labels[0] + 1) % 5;
    const relabelled = new Dataset({ ...source, train: { ...train, labels } });
    const refused: [SearchSpace, Dataset, RegExp][] = [
      [network("tanh"), source, /another model or other gates/],
      [spaceOf(source, "unit"), source, /another model or other gates/],
      [network(), others, /other training examples/],
      [network(), relabelled, /other training examples/],
    ];
    for (const [space, examples, message] of refused) {
      assert.throws(() => resumeSearch(space, examples, checkpoint), { code: "search/checkpoint", message });
    }
  });

  test("names what keeps checkpoints, if one went through JSON", () => {
    const space = spaceOf(source, "input");
    const run = search(space, source, short);
    run.advance();
    const parsed = JSON.parse(JSON.stringify(run.checkpoint())) as SearchCheckpoint;
    assert.throws(() => resumeSearch(space, source, parsed), {
      code: "search/checkpoint",
      message: /saveCheckpoint and loadCheckpoint .* JSON doesn't/,
    });
  });

  test("refuses what isn't a budget, budgets that can't be met, models of several ends, and counts", async () => {
    const space = spaceOf(source, "input");
    const run = search(space, source, short);
    for (const budget of [0.5, null, {}, { density: 0.5, foo: 2 }, { density: 2 }] as Budget[]) {
      assert.throws(() => run.architecture(budget), { code: "space/budget" }, JSON.stringify(budget));
    }
    const cannot: [SearchSpace, Budget, RegExp][] = [
      [space, { parameters: 1 }, /the smallest network found has \d+ parameters, the budget is 1/],
      [spaceOf(source, "weight"), { multiplyAdds: 2 }, /the smallest network found has 3 multiplyAdds/],
      [spaceOf(source, "weight"), { density: 1 / 1192 }, /keeps 3 gates, 2 more than asked for/],
    ];
    for (const [of, budget, message] of cannot) {
      assert.throws(() => search(of, source, { ...short, density: undefined, budget }), {
        code: "space/budget",
        message,
      });
    }
    const ends = [0, 1].map(() => tf.input({ shape: [8, 8, 1] }));
    const flat = ends.map((end) => tf.layers.flatten().apply(end) as tf.SymbolicTensor);
    const classes = (of: tf.SymbolicTensor): tf.SymbolicTensor =>
      tf.layers.dense({ units: 5, activation: "softmax" }).apply(of) as tf.SymbolicTensor;
    const several = [
      tf.model({ inputs: ends[0], outputs: [classes(flat[0]), classes(flat[0])] }),
      tf.model({ inputs: ends, outputs: classes(tf.layers.add().apply(flat) as tf.SymbolicTensor) }),
    ];
    const made = tf.memory().numTensors;
    for (const model of several) {
      const of = searchSpace(model, { gates: "input" });
      assert.throws(() => search(of, source, short), { code: "search/model", message: /a search needs one of each/ });
    }
    assert.equal(tf.memory().numTensors, made);
    for (const count of [undefined, "x", -1, 0, 1.5] as number[]) {
      const refused = { code: "search/options", message: /^count must be a whole number from 1, got / };
      await assert.rejects(searches(space, source, { ...short, steps: 1, count }), refused, `${count}`);
    }
  });

  test("estimates the time left by the steps that it does itself", async () => {
    const space = spaceOf(source, "input");
    const first = search(space, source, { ...short, steps: 1000 });
    while (first.step < 900) first.advance();
    const stop = new AbortController();
    const resumed = resumeSearch(space, source, first.checkpoint());
    const progress: Progress[] = [];
    const onProgress = (now: Progress): void => void progress.push(now);
    await resumed.run({ signal: stop.signal, onProgress, onStep: ({ step }) => step === 910 && stop.abort() });
    for (const { done, elapsedSeconds, remainingSeconds } of progress) {
      assert.ok(Math.abs(remainingSeconds! - (elapsedSeconds / (done - 900)) * (1000 - done)) < 1e-9);
    }
    assert.equal(progress.length, 10);
  });

  test("says what each theorem says about it, and of the others which assumption fails", () => {
    const run = search(spaceOf(source, "input"), source, { ...short, update: "mirror" });
    for (let step = 0; step < 10; step++) run.advance();
    const said = run.theorems().map(({ theorem, holds, ratio }) => [theorem, holds, ratio !== undefined && ratio > 0]);
    const covered = Array.from({ length: 4 }, () => ["Theorem 1", true, true]);
    const open = ["Theorem 2", "Theorem 3", "Theorem 4"].map((theorem) => [theorem, undefined, false]);
    assert.deepEqual(said, [...covered, ...open, ["Theorem 5", true, true]]);
    assert.deepEqual(
      run.theorems().flatMap((bound) => unmet(bound) || []),
      [
        "the loss isn't convex in the gates",
        "no Lipschitz constant of the gradient is known; the gradients are those of batches",
        "the loss isn't convex in the gates: the sides are first-order estimates",
      ],
    );
    const other = search(spaceOf(source, "input"), source, { ...short, estimator: "gumbel-sigmoid", update: "adam" });
    other.advance();
    assert.ok(other.theorems().every(({ holds }) => holds === undefined));
  });

  test("is an iterator over its steps", async () => {
    const steps: number[] = [];
    for await (const { step } of search(spaceOf(source, "input"), source, { ...short, steps: 5 })) steps.push(step);
    assert.deepEqual(steps, [0, 1, 2, 3, 4]);
  });

  test("names the option that can't be, and data that don't fit", async () => {
    const space = spaceOf(source, "input");
    const refuses = (options: SearchOptions, pattern: RegExp): void => {
      assert.throws(
        () => search(space, source, options),
        (error) => error instanceof TwotempError && pattern.test(error.message) && !error.message.includes("\n"),
      );
    };
    refuses({ density: 1.2 }, /invalid density 1.2/);
    refuses({ steps: 0 }, /invalid steps 0/);
    refuses({ weights: "frozen" as WeightStrategyName }, /invalid weights "frozen"/);
    refuses({ dencity: 0.1 } as SearchOptions, /dencity/);
    refuses({ hotTemperature: 0.01 }, /hotTemperature/);
    refuses({ budget: {} }, /a budget needs a density/);
    refuses({ budget: { parameters: -3 } }, /invalid budget.parameters -3/);
    refuses({ budget: { pattern: { keep: 2, of: 4 } } }, /a pattern is for weight gates/);
    refuses({ density: 0.1, budget: { parameters: 100 } }, /density 0.1 beside a budget/);
    refuses({ initialLogit: 5 }, /leaves the box/);
    refuses({ steps: NaN }, /invalid steps NaN/);
    refuses({ density: 0.1, penalty: 0 }, /penalty 0 can't be steered/);
    refuses({ coldTemperature: 1e-9 }, /coldTemperature must be at least logitBound \/ 1000000/);
    const warm = { estimator: "one-temperature", coldTemperature: 1 } as const;
    refuses(
      { ...warm, density: 0.03 },
      /density 0.03 can't be reached: with coldTemperature 1 .* a closed gate is 0.047/,
    );
    assert.ok(search(space, source, { ...warm, density: 0.06 }));
    const letters = (await dataset("digits:0-2")).standardised();
    assert.throws(() => search(space, letters, {}), /5 outputs, .* has 3 classes/);
  });
});
