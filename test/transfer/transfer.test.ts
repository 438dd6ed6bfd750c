import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import {
  type Architecture,
  controls,
  mlp,
  retrain,
  searchSpace,
  targetTasks,
  transfer,
  tuningTasks,
} from "../../lib/index.js";
import { planted } from "../planted.js";
import { inSpace, withClasses } from "../../lib/transfer/head.js";
import { type Digits, halfOf, openDigits, small, spaceOf, testTogether } from "./digits.js";

let digits: Digits;

before(async () => {
  digits = await openDigits();
});

describe("retraining", () => {
  testTogether(() => digits.target, "unit");
  testTogether(() => digits.target, "weight", 0.06);

  test("uses the same shots and draws for every architecture, and others for every task", async () => {
    const space = spaceOf("input");
    const tasks = targetTasks(digits.target, 5, 1, 2);
    assert.notDeepEqual(tasks[0].support.values, tasks[1].support.values);
    assert.equal(tasks[0].queries, tasks[1].queries);
    const job = { architecture: halfOf(space, 0), task: tasks[0], draw: [0, "a"] };
    const [a, b, c] = await retrain(space, [job, job, { ...job, draw: [0, "b"] }], { learningRate: 0.01, steps: 30 });
    assert.equal(a, b);
    assert.notEqual(a, c);
  });
});

test("tuning tasks come from the held-out source and share no example between support and queries", () => {
  const [task] = tuningTasks(digits.heldOut, { shots: 5, ways: 5, seed: 0, tasks: 1 });
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
  test("tells a planted good architecture from a bad one", async () => {
    // Source and target are other classes, told apart by the same inputs.
    const informative = [2, 3, 5, 7, 11, 13];
    const [kept, held] = planted(0, 20, informative, 3).split(0.3, 0);
    const other = planted(1, 20, [...informative].reverse(), 3);
    const space = searchSpace(mlp({ inputShape: [20], hidden: [16], classes: 3 }), { gates: "input" });
    const keeping = (inputs: readonly number[]): Architecture =>
      space.architecture(Uint8Array.from({ length: 20 }, (_, i) => (inputs.includes(i) ? 1 : 0)));
    const noise = Array.from({ length: 20 }, (_, i) => i).filter((i) => !informative.includes(i));
    const run = { ...small, source: kept, heldOut: held };
    const random = controls.filter(({ name }) => name === "random");
    const compare = async (learned: Architecture[]): Promise<{ effect: number; low: number; high: number }> =>
      (await transfer(space, learned, other, { ...run, randomCount: 8, arms: random })).effects()[0];
    const good = await compare([keeping(informative), keeping(informative.slice(1))]);
    const bad = await compare([keeping(noise.slice(0, 6)), keeping(noise.slice(6, 12))]);
    assert.ok(good.low > 5, `good: ${JSON.stringify(good)}`);
    assert.ok(bad.high < -5, `bad: ${JSON.stringify(bad)}`);
  });
});
