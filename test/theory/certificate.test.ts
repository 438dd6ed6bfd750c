import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Random } from "../../lib/engine/index.js";
import { TwotempError } from "../../lib/errors.js";
import { relaxationSettings, type UpdateName } from "../../lib/relaxation/index.js";
import { ReferenceRelaxation } from "../../lib/relaxation/referenceRelaxation.js";
import { assertCertificate, certificate, certificateRows, describeCertificate } from "../../lib/theory/index.js";
import { adversaries, contest, maskOf, randomSettings } from "./sequences.js";

const certified = ["mirror", "euler", "adaptive"] as const;

describe("the certificate", () => {
  for (const update of certified) {
    test(`holds for ${update} on 4,000 random sequences, adversarial ones among them`, (context) => {
      const tightest = { worst: 0, gate: 0, below: 0 };
      let unbound = 0;
      const kinds = Object.keys(adversaries);
      for (let key = 0; key < 4000; key++) {
        const random = new Random(key, "settings", update);
        const settings = randomSettings(random, update, 1 + random.integer(3));
        const steps = 1 + random.integer(40);
        const run = contest(settings, adversaries[kinds[key % kinds.length]], steps, key);
        const result = certificate(run.accumulators(), settings, maskOf(run.logits()));
        assertCertificate(result);
        const kind = kinds[key % kinds.length];
        assert.notEqual(result.holds, false, `${kind} ${key}`);
        if (result.holds === undefined) {
          const isInfinite = result.atFinal.terms["gradient term"] === Infinity;
          assert.ok(!isInfinite || update === "euler", kind);
          unbound += isInfinite ? 0 : 1;
          continue;
        }
        tightest.worst = Math.max(tightest.worst, result.atWorst.ratio!);
        tightest.gate = Math.max(tightest.gate, result.atTightestGate?.ratio ?? 0);
        if (result.fromBelow && result.fromBelow.right! > 1e3 * result.fromBelow.tolerance) {
          tightest.below = Math.max(tightest.below, result.fromBelow.ratio!);
        }
      }
      context.diagnostic(`tightest ratios: ${JSON.stringify(tightest)}`);
      context.diagnostic(`less than rounding: ${unbound}`);
      assert.ok(unbound < 20, `${unbound} bounds are next to nothing`);
      // Not vacuous either: some sequence uses most of the bound.
      assert.ok(tightest.worst > 0.6 && tightest.worst <= 1 + 1e-9);
    });
  }

  test("takes the worst comparator: no vertex has a larger regret", () => {
    const settings = randomSettings(new Random(4, "settings"), "mirror", 3);
    const run = contest(settings, adversaries.normal, 30, 4);
    const sums = run.accumulators();
    const worst = certificate(sums, settings, [0, 0, 0]).atWorst.left!;
    const all = Array.from({ length: 8 }, (_, v) => certificate(sums, settings, [v & 1, v & 2, v & 4]).atFinal.left!);
    assert.ok(Math.abs(Math.max(...all) - worst) < 1e-12);
  });

  test("says that no theorem covers Adam, and holds no bound", () => {
    const cases: [UpdateName, string][] = [
      ["adam", "two-temperature"],
      ["euler", "straight-through"],
    ];
    for (const [update, estimator] of cases) {
      const options = { gateCount: 3, update, estimator: estimator as "two-temperature", stepSize: 0.1 };
      const run = contest(relaxationSettings(options), adversaries.normal, 5, 0);
      const result = certificate(run.accumulators(), run.settings, [0, 1, 0]);
      assert.equal(result.holds, undefined);
      for (const side of [result.atFinal, result.atWorst, result.fromBelow!]) {
        assert.deepEqual([side.left, side.right, side.ratio, side.holds], [undefined, undefined, undefined, undefined]);
      }
      assert.match(describeCertificate(result), update === "adam" ? /No bound.* update adam/ : /estimator straight/);
      assertCertificate(result);
    }
  });

  test("covers one temperature as well", () => {
    const options = { gateCount: 3, update: "mirror", estimator: "one-temperature", coldTemperature: 1, stepSize: 0.3 };
    const run = contest(relaxationSettings(options as never), adversaries.normal, 20, 0);
    assert.equal(certificate(run.accumulators(), run.settings, [0, 1, 0]).holds, true);
  });

  test("sees the wrong sign with one cold temperature too, where rounding at the ends of the box would hide it", () => {
    for (const [update, stepSize] of [
      ["mirror", 1],
      ["adaptive", 0.3],
    ] as const) {
      for (const hotTemperature of [0.05, 0.08, 0.1]) {
        const options = {
          gateCount: 64,
          update,
          stepSize,
          hotTemperature,
          initialLogits: new Float64Array(64).fill(0.5),
        };
        const run = contest(relaxationSettings(options), (a) => a.map((_, i) => 0.01 * Math.cos(i)), 2000, 0);
        const sums = run.accumulators();
        const mask = maskOf(run.logits());
        const { holds, atWorst } = certificate(sums, run.settings, mask);
        assert.equal(holds, true);
        assert.ok(atWorst.tolerance < 1e-6 * atWorst.right!);
        const opposite = { vector: sums.vector.map((x) => -x), products: sums.products.map((x) => -x) };
        assert.equal(certificate({ ...sums, ...opposite }, run.settings, mask).holds, false);
      }
    }
  });

  test("holds no bound that no run can violate: an infinite one, or one that rounding is more than", () => {
    const steep = relaxationSettings({ gateCount: 1, update: "euler", stepSize: 0.3, initialLogits: [0.5] });
    const far = contest(steep, (a, step) => a.map(() => (step === 0 ? 1e4 : 0.01)), 100, 0);
    const near = relaxationSettings({ gateCount: 1, update: "mirror", stepSize: 1, initialLogits: [2.9] });
    const idle = contest(near, (a) => a.map(() => -1e-9), 100, 0);
    for (const [run, why] of [
      [far, "the bound is infinite"],
      [idle, "rounding alone may move the regret by more than the bound"],
    ] as const) {
      const result = certificate(run.accumulators(), run.settings, [1]);
      assertCertificate(result);
      assert.equal(result.holds, undefined);
      for (const side of [result.atFinal, result.atWorst])
        assert.deepEqual([side.left, side.holds], [undefined, undefined]);
      assert.equal(describeCertificate(result), `No bound after 100 steps: ${why}.`);
      assert.equal(String(result), describeCertificate(result));
      // What is violated is, however much rounding there is.
      const broken = certificate({ ...run.accumulators(), products: Float64Array.of(NaN) }, run.settings, [1]);
      assert.throws(() => assertCertificate(broken), { code: "theory/violated" });
    }
  });

  test("rows say what holds, and why nothing is promised", () => {
    const rows = certificateRows(
      (["mirror", "adam"] as const).map((update) => {
        const run = contest(relaxationSettings({ gateCount: 3, update, stepSize: 0.1 }), adversaries.normal, 20, 0);
        const made = certificate(run.accumulators(), run.settings, [0, 1, 0]);
        return { settings: { update }, trace: { entries: [{ loss: 2 }, { loss: 1 }] }, certificate: () => made };
      }),
    );
    const [mirror, adam] = rows;
    assert.deepEqual([mirror.update, mirror.loss, mirror.holds], ["mirror", 1, "true"]);
    assert.ok(Math.abs(mirror.ratio! - mirror.regret! / mirror.bound!) < 1e-12);
    assert.deepEqual([adam.regret, adam.bound, adam.ratio, adam.ratioAtWorst], [null, null, null, null]);
    assert.match(adam.holds, /No bound.* update adam/);
  });

  test("names step, gate and terms of a violation", () => {
    const settings = relaxationSettings({ gateCount: 3, update: "mirror", stepSize: 0.1 });
    const run = contest(settings, adversaries.constant, 9, 0);
    const sums = run.accumulators();
    sums.products[1] += 100;
    assert.throws(
      () => assertCertificate(certificate(sums, settings, [1, 1, 1])),
      (error: TwotempError) =>
        error.code === "theory/violated" &&
        /^Theorem 1 is violated after step 9: regret of gate 1 alone is 1.*, above .*divergence term .*gradient term/.test(
          error.message,
        ),
    );
  });

  test("refuses a mask of another size", () => {
    const run = new ReferenceRelaxation(relaxationSettings({ gateCount: 3 }));
    assert.throws(() => certificate(run.accumulators(), run.settings, [1]), { code: "theory/mask" });
  });
});
