import { before, describe, test } from "node:test";
import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { engine, ready } from "../../lib/engine/index.js";
import { TwotempError } from "../../lib/errors.js";
import { needs } from "../support.js";
import { convolutionCases, depthwiseCases, fusedCases } from "./cases.js";
import { checkGradients, checkLeaks } from "./gradientCheck.js";
import { nativeIsBuilt } from "./support.js";

describe("native gradients", needs("the native engine", nativeIsBuilt(), "npm start"), () => {
  const cases = [...fusedCases, ...convolutionCases, ...depthwiseCases];

  before(async () => {
    assert.equal((await ready({ engine: "native" })).engine, "tensorflow");
    assert.equal(engine()?.device, "cpu");
  });

  for (const c of cases) test(c.name, () => checkGradients("tensorflow", c));

  test("leave no tensor behind", () => checkLeaks("tensorflow", cases));

  test("refuse dilated depthwise convolutions", () => {
    const f = (x: tf.Tensor): tf.Tensor =>
      tf.sum(tf.depthwiseConv2d(x as tf.Tensor4D, tf.ones([3, 3, 2, 1]), 1, "same", "NHWC", 2));
    assert.throws(
      () => tf.tidy(() => tf.grad(f)(tf.ones([1, 6, 6, 2]))),
      (error) => error instanceof TwotempError && error.code === "engine/dilated-depthwise",
    );
  });
});
