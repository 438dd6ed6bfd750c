import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import {
  type Architecture,
  controls,
  dataset,
  type Dataset,
  type GateKind,
  mlp,
  Random,
  ready,
  retrain,
  type SearchSpace,
  searchSpace,
  targetTasks,
  transfer,
  type TransferOptions,
  tuningTasks,
} from "../../lib/index.js";
import { planted } from "../planted.js";
import { inSpace, withClasses } from "../../lib/transfer/head.js";
import { retrainModel } from "../../lib/transfer/retrainModel.js";

let source: Dataset;
let target: Dataset;
let seen: Dataset;
let heldOut: Dataset;

before(async () => {
  await ready();
  source = (await dataset("digits:0-4")).standardised();
  target = (await dataset("digits:5-9")).standardised(source);
  [seen, heldOut] = source.split(0.2, 0);
});

const spaceOf = (gates: GateKind, classes: number = 5): SearchSpace =>
  searchSpace(mlp({ inputShape: source.inputShape, hidden: [16, 12], classes }), { gates });

/** An architecture that keeps a random half of the gates. */
const halfOf = (space: SearchSpace, seed: number): Architecture =>
  space.keepLargest(new Random(seed, "half").uniforms(space.gateCount), 0.5);

describe("retraining", () => {
  for (const gates of ["input", "unit", "weight"] as const) {
    test(`many models at once gives what one after another gives, with ${gates} gates`, async () => {
      const space = spaceOf(gates);
      const tasks = targetTasks(target, 5, 1, 3);
      const options = { learningRate: 0.01, steps: 60 };
      const jobs = [0, 1, 2].flatMap((seed) =>
        tasks.map((task, t) => ({ architecture: halfOf(space, seed), task, draw: [9, "test", t] })),
      );
      const together = await retrain(space, jobs, options);
      for (const [j, job] of jobs.entries()) {
        const [alone] = await retrain(space, [job], options);
        // The compacted model, trained by the path that any model takes.
        const compacted = await retrainModel(space, job, options);
        assert.ok(Math.abs(together[j] - alone) < 0.01, `job ${j}: ${together[j]} together, ${alone} alone`);
        assert.ok(Math.abs(compacted - alone) < 0.01, `job ${j}: ${compacted} compacted, ${alone} in a stack`);
      }
      assert.ok(Math.min(...together) > 0.3, "better than guessing one of five");
    });
  }

  test("uses the same shots and draws for every architecture, and others for every task", async () => {
    const space = spaceOf("input");
    const tasks = targetTasks(target, 5, 1, 2);
    assert.notDeepEqual(tasks[0].support.values, tasks[1].support.values);
    assert.equal(tasks[0].queries, tasks[1].queries);
    const job = { architecture: halfOf(space, 0), task: tasks[0], draw: [0, "a"] };
    const [a, b, c] = await retrain(space, [job, job, { ...job, draw: [0, "b"] }], { learningRate: 0.01, steps: 30 });
    assert.equal(a, b);
    assert.notEqual(a, c);
  });
});

test("tuning tasks come from the held-out source and share no example between support and queries", () => {
  const [task] = tuningTasks(heldOut, { shots: 5, ways: 5, seed: 0, tasks: 1 });
  assert.equal(task.support.count, 25);
  const size = task.support.values.length / task.support.count;
  const rows = (values: Float32Array, count: number): string[] =>
    Array.from({ length: count }, (_, row) => values.subarray(row * size, (row + 1) * size).join());
  const known = new Set(rows(task.support.values, task.support.count));
  assert.ok(rows(task.queries.values, task.queries.count).every((row) => !known.has(row)));
});

test("an architecture moves to a model with another head", () => {
  for (const gates of ["input", "unit", "weight"] as const) {
    const space = spaceOf(gates);
    const moved = withClasses(space, 3);
    assert.equal(moved.model.outputs[0].shape[1], 3);
    const architecture = halfOf(space, 0);
    const there = inSpace(architecture, moved);
    const last = gates === "weight" ? -1 : undefined;
    for (const { name } of space.groups.slice(0, last)) assert.deepEqual(there.group(name), architecture.group(name));
  }
});

describe("a comparison", () => {
  const options = (): TransferOptions => ({
    source: seen,
    heldOut,
    shots: [5],
    retrainings: 3,
    randomCount: 4,
    steps: 60,
    tuningTasks: 2,
    training: { steps: 200, batch: 64, stepSize: 0.003 },
    seed: 1,
  });

  test("tells a planted good architecture from a bad one", async () => {
    // Source and target are other classes, told apart by the same inputs.
    const informative = [2, 3, 5, 7, 11, 13];
    const [kept, held] = planted(0, 20, informative, 3).split(0.3, 0);
    const other = planted(1, 20, [...informative].reverse(), 3);
    const space = searchSpace(mlp({ inputShape: [20], hidden: [16], classes: 3 }), { gates: "input" });
    const keeping = (inputs: readonly number[]): Architecture =>
      space.architecture(Uint8Array.from({ length: 20 }, (_, i) => (inputs.includes(i) ? 1 : 0)));
    const noise = Array.from({ length: 20 }, (_, i) => i).filter((i) => !informative.includes(i));
    const run = { ...options(), source: kept, heldOut: held };
    const random = controls.filter(({ name }) => name === "random");
    const compare = async (learned: Architecture[]): Promise<{ effect: number; low: number; high: number }> =>
      (await transfer(space, learned, other, { ...run, randomCount: 8, arms: random })).effects()[0];
    const good = await compare([keeping(informative), keeping(informative.slice(1))]);
    const bad = await compare([keeping(noise.slice(0, 6)), keeping(noise.slice(6, 12))]);
    assert.ok(good.low > 5, `good: ${JSON.stringify(good)}`);
    assert.ok(bad.high < -5, `bad: ${JSON.stringify(bad)}`);
  });

  test("gives the same records for the same seed, and others for another", async () => {
    const space = spaceOf("input");
    const learned = [halfOf(space, 0), halfOf(space, 1)];
    const first = await transfer(space, learned, target, options());
    const second = await transfer(space, learned, target, options());
    assert.equal(JSON.stringify(second.records), JSON.stringify(first.records));
    assert.equal(second.effectsCsv(), first.effectsCsv());
    const other = await transfer(space, learned, target, { ...options(), seed: 2 });
    assert.notEqual(JSON.stringify(other.records), JSON.stringify(first.records));
    const frame = await first.dataFrame();
    assert.deepEqual(frame.shape, [first.records.length, 15]);
  });

  test("writes effects with the agreed columns, one row a control", async () => {
    const space = spaceOf("unit");
    const result = await transfer(space, [halfOf(space, 0), halfOf(space, 1)], target, options());
    const [head, ...rows] = result.effectsCsv().trim().split("\n");
    assert.equal(head, "source,target,gates,density,shots,control,effect,low,high,searches,retrainings");
    assert.equal(rows.length, result.arms.length - 1);
    // A shuffle of hidden units changes nothing (Proposition 6), and inputs are not gated.
    assert.deepEqual(
      result.refused.map(({ arm }) => arm),
      ["random-varying", "shuffled", "magnitude-deviation"],
    );
    assert.equal(result.arms.length, controls.length + 1 - result.refused.length);
  });
});
