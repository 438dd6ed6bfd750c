import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import {
  dataset,
  Dataset,
  mlp,
  ready,
  resumeSearch,
  search,
  type SearchOptions,
  searchSpace,
} from "../../lib/index.js";
import type { GateKind, SearchSpace } from "../../lib/space/index.js";

let source: Dataset;
before(async () => {
  await ready();
  source = (await dataset("digits:0-4")).standardised();
});

const spaceOf = (gates: GateKind): SearchSpace =>
  searchSpace(mlp({ inputShape: source.inputShape, hidden: [16, 8], classes: 5 }), { gates });
const short: SearchOptions = { steps: 40, redrawEvery: 7, batch: 16, density: 0.25, seed: 3 };

/** The same examples with every value times a factor, from some step on. */
function scaled(factor: number, from: number = 0): Dataset {
  let step = 0;
  const batch = (split: "train", rows: ArrayLike<number>): Float32Array => {
    const values = source.batch(split, rows);
    return step++ < from ? values : values.map((x) => x * factor);
  };
  return Object.create(source, { batch: { value: batch } }) as Dataset;
}

describe("numbers that aren't finite", () => {
  for (const weights of ["reset", "fixed", "episode"] as const) {
    test(`in the examples end a search with ${weights} weights at that step, and say so`, () => {
      const run = search(spaceOf("input"), scaled(NaN, 4), { ...short, weights });
      const message = /^loss is NaN at step \d: the examples hold NaN; look for missing or extreme values in the data/;
      assert.throws(
        () => {
          for (;;) run.advance();
        },
        { code: "search/not-finite", message },
      );
      assert.ok(run.step >= 3 && run.step <= 4);
    });
  }

  test("in a layer name it", () => {
    const run = search(spaceOf("unit"), scaled(1e38), { ...short, weights: "fixed" });
    const message =
      /^loss is (NaN|Infinity) at step 0: layer "hidden_1" gives -?(NaN|Infinity); look for missing or extreme/;
    assert.throws(() => run.advance(), { code: "search/not-finite", message });
  });

  test("in trained weights name their layer, are never saved, and the last good checkpoint goes on", () => {
    const space = spaceOf("input");
    const run = search(space, source, { ...short, weightStepSize: 1e38 });
    const start = run.checkpoint();
    run.advance();
    // The weights may be infinite at once, or what they give.
    const kept = [start];
    const message =
      /at step \d+: (a weight of layer|layer) "[^"]+" (is|gives) -?(NaN|Infinity); lower weightStepSize \(1e\+38\)$|^step \d+: a weight of layer "[^"]+" is -?(NaN|Infinity); lower weightStepSize/;
    assert.throws(
      () => {
        for (;;) {
          kept.push(run.checkpoint());
          run.advance();
        }
      },
      { code: "search/not-finite", message },
    );
    for (const { strategy } of kept)
      for (const values of strategy.weights ?? []) assert.ok(values.every(Number.isFinite));
    assert.equal(resumeSearch(space, source, kept.at(-1)!).step, kept.at(-1)!.step);
  });

  for (const weights of ["reset", "joint", "resample", "episode"] as const) {
    for (const place of ["examples", "gradient"] as const) {
      test(`leave a search with ${weights} weights as it was before the step: ${place}`, async () => {
        const options: SearchOptions = { ...short, weights, estimator: "gumbel-sigmoid", update: "euler" };
        const space = spaceOf("input");
        const run = search(space, source, options);
        while (run.step < 10) run.advance();
        const before = [run.checkpoint(), run.certificate(), run.architecture().mask, run.theorems()];
        const { strategy } = run as unknown as { strategy: { evaluate: (step: number, gates: tf.Tensor1D) => object } };
        const evaluate = strategy.evaluate;
        strategy.evaluate = (step, gates) => {
          if (place === "examples") {
            const broken = gates.mul(NaN) as tf.Tensor1D;
            return evaluate.call(strategy, step, broken);
          }
          return { ...evaluate.call(strategy, step, gates), gateGradient: tf.fill([64], NaN) };
        };
        assert.throws(() => run.advance(), { code: "search/not-finite" });
        strategy.evaluate = evaluate;
        assert.deepEqual([run.checkpoint(), run.certificate(), run.architecture().mask, run.theorems()], before);
        const clean = await search(space, source, options).run();
        assert.deepEqual((await run.run()).checkpoint(), clean.checkpoint());
      });
    }
  }

  test("in a gradient name the gate and its group; nothing is updated", () => {
    const run = search(spaceOf("unit"), source, { ...short, weights: "fixed" });
    run.advance();
    const { strategy } = run as unknown as { strategy: { evaluate: (step: number, gates: tf.Tensor1D) => object } };
    const evaluate = strategy.evaluate.bind(strategy);
    strategy.evaluate = (step, gates) => ({
      ...evaluate(step, gates),
      gateGradient: tf.tensor1d(Float32Array.from({ length: 24 }, (_, i) => (i === 18 ? Infinity : 0))),
    });
    const before = run.logits();
    const message = /^step 1: the gradient of gate 18 is Infinity; nothing was updated.* \(gate 2 of hidden_2\)$/;
    assert.throws(() => run.advance(), { code: "search/not-finite", message });
    assert.deepEqual([run.step, run.logits()], [1, before]);
  });
});

describe("extreme but legal settings", () => {
  const cases: Record<string, SearchOptions> = {
    "no price": { penalty: 0, density: undefined },
    "a price so high that nothing is worth keeping": { penalty: 1e6, density: undefined },
    "density 1": { density: 1 },
    "the smallest density": { density: 1 / 64 },
    "a density below a gate": { density: 1e-9 },
    "one step": { steps: 1 },
    "batches larger than the data": { batch: 100_000, steps: 2 },
  };
  for (const [name, options] of Object.entries(cases)) {
    test(`${name}: the search ends with an architecture and a certificate that holds`, async () => {
      const run = await search(spaceOf("input"), source, { ...short, ...options }).run();
      const kept = run.architecture().mask.reduce((sum, gate) => sum + gate, 0);
      assert.ok(kept >= 1 && kept <= 64);
      if (options.density !== undefined) assert.equal(kept, Math.max(1, Math.round(64 * options.density)));
      assert.equal(run.certificate().holds, true);
      assert.ok(run.trace.entries.every(({ loss, price }) => Number.isFinite(loss) && Number.isFinite(price)));
    });
  }

  test("one gate, and one example a class; less than that is refused in one line", async () => {
    const made = (labels: Int32Array): Dataset => {
      const split = { inputs: Float32Array.from(labels, (label) => 1 + label), labels, count: labels.length };
      const provenance = { source: "made here", licence: "none", citation: "none", files: [], steps: [] };
      const classNames = ["no", "yes"];
      return new Dataset({ name: "few", inputShape: [1], classNames, train: split, test: split, provenance });
    };
    const few = made(Int32Array.of(0, 1));
    const space = searchSpace(mlp({ inputShape: [1], hidden: [4], classes: 2 }), { gates: "input" });
    assert.equal(space.gateCount, 1);
    for (const density of [undefined, 1]) {
      const run = await search(space, few, { ...short, density, steps: 20 }).run();
      assert.deepEqual(Array.from(run.architecture().mask), [1]);
      assert.equal(run.certificate().holds, true);
    }
    assert.throws(() => made(Int32Array.of(1)), {
      code: "data/classes",
      message: 'few: class "no" has no training example',
    });
  });
});
