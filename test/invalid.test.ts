import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { shown } from "../lib/invalid.js";

describe("a value in an error", () => {
  const cases: readonly (readonly [unknown, string])[] = [
    [NaN, "NaN"],
    [undefined, "undefined"],
    ["two\nlines", '"two\\nlines"'],
    [[1, "a", [Infinity]], '[1, "a", [Infinity]]'],
    [{ a: 1, b: { c: 2 } }, "{ a: 1, b: [Object] }"],
    [new Float32Array(8), "Float32Array(8) [ 0, 0, 0, 0, 0, 0, 0, 0 ]"],
    [new Error("no"), "Error: no"],
  ];
  for (const [value, wanted] of cases) {
    test(`${wanted} is one line`, () => assert.equal(shown(value), wanted));
  }
});
