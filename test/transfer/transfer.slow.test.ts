import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { controls, transfer, type TransferOptions } from "../../lib/index.js";
import { type Digits, halfOf, openDigits, small, spaceOf, testTogether } from "./digits.js";

let digits: Digits;

before(async () => {
  digits = await openDigits();
});

describe("retraining", () => {
  testTogether(() => digits.target, "input");
  testTogether(() => digits.target, "weight");
});

describe("a comparison", () => {
  const options = (): TransferOptions => ({ ...small, source: digits.seen, heldOut: digits.heldOut });

  test("gives the same records for the same seed, and others for another", async () => {
    const space = spaceOf("input");
    const learned = [halfOf(space, 0), halfOf(space, 1)];
    const first = await transfer(space, learned, digits.target, options());
    const second = await transfer(space, learned, digits.target, options());
    assert.equal(JSON.stringify(second.records), JSON.stringify(first.records));
    assert.equal(second.effectsCsv(), first.effectsCsv());
    const other = await transfer(space, learned, digits.target, { ...options(), seed: 2 });
    assert.notEqual(JSON.stringify(other.records), JSON.stringify(first.records));
    const frame = await first.dataFrame();
    assert.deepEqual(frame.shape, [first.records.length, 15]);
  });

  test("writes effects with the agreed columns, one row a control", async () => {
    const space = spaceOf("unit");
    const result = await transfer(space, [halfOf(space, 0), halfOf(space, 1)], digits.target, options());
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
