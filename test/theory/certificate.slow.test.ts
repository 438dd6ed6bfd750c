import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { Random, ready } from "../../lib/engine/index.js";
import { relaxationSettings } from "../../lib/relaxation/index.js";
import { TensorRelaxation } from "../../lib/relaxation/tensorRelaxation.js";
import { certificate, describeCertificate } from "../../lib/theory/index.js";
import { adversaries, maskOf } from "./sequences.js";

describe("the certificate", () => {
  before(() => ready());

  for (const update of ["mirror", "euler", "adaptive"] as const) {
    test(`holds for ${update} in float32 within the stated tolerance`, () => {
      for (const [kind, adversary] of Object.entries(adversaries)) {
        const settings = relaxationSettings({ gateCount: 20, update, stepSize: update === "adaptive" ? 1 : 0.1 });
        const run = new TensorRelaxation(settings);
        const random = new Random(0, kind);
        for (let step = 0; step < 40; step++) {
          const g = tf.tensor1d(Float32Array.from(adversary(Float64Array.from(run.gates().dataSync()), step, random)));
          run.step(g);
          g.dispose();
        }
        const result = certificate(run.accumulators(), settings, maskOf(run.logits()));
        // With euler huge gradients make the bound infinite.
        const unbound = update === "euler" && result.holds === undefined;
        assert.ok(unbound || result.holds, `${kind}: ${describeCertificate(result)}`);
        const { tolerance, right } = result.atWorst;
        if (unbound) assert.equal(tolerance, Infinity, kind);
        else assert.ok(tolerance < 0.02 * right!, kind);
        run.dispose();
      }
    });
  }
});
