import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  baselines,
  dataset,
  mlp,
  Random,
  ready,
  searchSpace,
  searches,
  transfer,
  TransferResult,
} from "../../lib/index.js";

describe("work that is stopped", () => {
  const settings = { shots: [1, 5], retrainings: 2, randomCount: 3, steps: 40, tuningTasks: 2 };
  const setUp = async () => {
    await ready();
    const source = (await dataset("digits:0-4")).standardised();
    const target = (await dataset("digits:5-9")).standardised(source);
    const [seen, heldOut] = source.split(0.2, 0);
    const space = searchSpace(mlp({ inputShape: source.inputShape, hidden: [8], classes: 5 }), { gates: "input" });
    const learned = [0, 1].map((seed) => space.keepLargest(new Random(seed, "half").uniforms(64), 0.5));
    return { source, target, seen, heldOut, space, learned };
  };

  test("a transfer keeps the arms that are complete, the same as in a whole one", async () => {
    const { target, seen, heldOut, space, learned } = await setUp();
    const arms = [baselines.random, baselines.full];
    const options = { ...settings, source: seen, heldOut, arms, learningRates: [0.01] };
    const whole = await transfer(space, learned, target, options);
    const controller = new AbortController();
    const stopped = await transfer(space, learned, target, {
      ...options,
      signal: controller.signal,
      // The whole model, of another shape than the rest, is retrained last, twice at each number of shots.
      onProgress: ({ done, total }) => void (done === total - 2 && controller.abort()),
    });
    const complete = whole.records.filter(({ arm, shots }) => shots === 1 || arm !== "full");
    assert.deepEqual(stopped.records, complete);
    assert.equal(stopped.summary().length, 5);
    assert.deepEqual(
      stopped.effects().map(({ control, shots }) => [control, shots]),
      [
        ["random", 1],
        ["full", 1],
        ["random", 5],
      ],
    );
    assert.match(String(stopped), /stopped: 2 of 3 arms at 5 shots$/);
    // Arms are retrained in groups of one learning rate: learned ones needn't be the first.
    const without = whole.records.filter(({ arm, shots }) => arm === "full" || (arm === "learned" && shots === 1));
    const part = new TransferResult(without, whole.tuning, whole.arms, whole.refused, 0);
    assert.deepEqual(
      part.effects().map(({ control, shots }) => [control, shots]),
      [["full", 1]],
    );
    assert.match(String(part), /stopped: 1 of 3 arms at 5 shots/);
    const none = new TransferResult(without.slice(-1), whole.tuning, whole.arms, whole.refused, 0);
    assert.deepEqual(none.effects(), []);
    assert.match(String(none), /full/);
    await assert.rejects(transfer(space, learned, target, { ...options, signal: AbortSignal.abort() }), /abort/i);
  });

  test("several searches keep the finished ones and the one under way", async () => {
    const { source, space } = await setUp();
    const controller = new AbortController();
    const runs = await searches(
      space,
      source,
      { count: 3, steps: 30, density: 0.2 },
      {
        signal: controller.signal,
        onStep: (search) => void (search.settings.seed === 1 && search.step === 10 && controller.abort()),
      },
    );
    assert.deepEqual(
      runs.map((run) => run.step),
      [30, 10],
    );
  });
});
