import { before, describe, test } from "node:test";
import assert from "node:assert/strict";
import { ready } from "../../lib/engine/index.js";
import { needs } from "../support.js";
import { otherConvolutionCases } from "./cases.js";
import { checkGradients, checkLeaks } from "./gradientCheck.js";
import { nativeIsBuilt } from "./support.js";

describe("native gradients", needs("the native engine", nativeIsBuilt(), "npm start"), () => {
  before(async () => assert.equal((await ready({ engine: "native" })).engine, "tensorflow"));

  for (const c of otherConvolutionCases) test(c.name, () => checkGradients("tensorflow", c));

  test("leave no tensor behind", () => checkLeaks("tensorflow", otherConvolutionCases));
});
