import { before, describe, test } from "node:test";
import assert from "node:assert/strict";
import { ready } from "../../lib/engine/index.js";
import { otherConvolutionCases } from "./cases.js";
import { checkGradients, checkLeaks } from "./gradientCheck.js";

describe("WebAssembly gradients", () => {
  before(async () => assert.equal((await ready({ engine: "wasm" })).engine, "wasm"));

  for (const c of otherConvolutionCases) test(c.name, () => checkGradients("wasm", c));

  test("leave no tensor behind", () => checkLeaks("wasm", otherConvolutionCases));
});
