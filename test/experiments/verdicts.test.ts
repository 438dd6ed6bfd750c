import assert from "node:assert/strict";
import { test } from "node:test";
import { verdicts } from "../../lib/experiments/index.js";

test("verdicts put each claim beside the row that decides it; rows that decide nothing are left out", () => {
  const row = { source: "emnist-letters:A-M", target: "emnist-letters:N-Z", density: 0.049745, shots: 5, pHolm: 0.01 };
  const rows = [
    { ...row, control: "random", effect: 7, low: 6, high: 8 },
    { ...row, control: "shuffled", effect: 3, low: 2, high: 4, pHolm: undefined },
    { ...row, control: "full", effect: -7, low: -8, high: -6 },
    { ...row, control: "random", shots: 1, effect: 2, low: 1, high: 3 },
  ];
  const common = { pair: "emnist-letters:A-M to emnist-letters:N-Z", claim: "at least 5 points ahead" };
  assert.deepEqual(verdicts("e1", rows), [
    { ...common, control: "random", effect: 7, low: 6, high: 8, pHolm: 0.01, verdict: "held" },
    { ...common, control: "shuffled", effect: 3, low: 2, high: 4, pHolm: null, verdict: "refuted" },
  ]);
  for (const name of ["no such experiment", "constructor"]) assert.deepEqual(verdicts(name, rows), []);
});
