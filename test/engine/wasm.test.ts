import { before, describe, test } from "node:test";
import assert from "node:assert/strict";
import { ready } from "../../lib/engine/index.js";
import { convolutionCases, depthwiseCases, fusedCases, paddedCases } from "./cases.js";
import { checkGradients, checkLeaks } from "./gradientCheck.js";

describe("WebAssembly gradients", () => {
  const cases = [...fusedCases, ...convolutionCases, ...paddedCases, ...depthwiseCases];

  before(async () => assert.equal((await ready({ engine: "wasm" })).engine, "wasm"));

  for (const c of cases) test(c.name, () => checkGradients("wasm", c));

  test("leave no tensor behind", () => checkLeaks("wasm", cases));
});
