import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { Random, ready } from "../../lib/engine/index.js";
import { TwotempError } from "../../lib/errors.js";
import {
  createRelaxation,
  type EstimatorName,
  estimators,
  gate,
  gateSlope,
  type Relaxation,
  type RelaxationOptions,
  relaxationSettings,
  type UpdateName,
} from "../../lib/relaxation/index.js";
import { ReferenceRelaxation } from "../../lib/relaxation/referenceRelaxation.js";
import { TensorRelaxation } from "../../lib/relaxation/tensorRelaxation.js";
import {
  checkGoesOn,
  checkLeaks,
  drive,
  everyday,
  gradient,
  largestDifference,
  options,
  testAgreement,
  updateNames,
} from "./driving.js";

before(() => ready());

describe("updates by hand", () => {
  test("euler steps along the two-temperature gradient and is clipped", () => {
    const relaxation = createRelaxation({
      ...options({ update: "euler", stepSize: 2 }),
      gateCount: 3,
      logitBound: 3,
      initialLogits: [0.1, -0.4, 2.9],
    });
    relaxation.step(tf.tensor1d([0.5, -0.25, -100]));
    const expected = [0.1 - 2 * 0.5 * gateSlope(0.1, 0.8), -0.4 + 2 * 0.25 * gateSlope(-0.4, 0.8), 3];
    assert.ok(largestDifference(relaxation.logits(), expected) < 1e-15);
    relaxation.dispose();
  });

  test("small mirror steps are small euler steps", () => {
    const both = (["mirror", "euler"] as const).map((update) => {
      const relaxation = new ReferenceRelaxation(relaxationSettings(options({ update, stepSize: 1e-6 })));
      relaxation.stepValues(Float64Array.from(gradient(0)));
      return relaxation.logits();
    });
    assert.ok(largestDifference(both[0], both[1]) < 1e-10);
    assert.ok(largestDifference(both[0], relaxationSettings(options()).initialLogits) > 1e-7);
  });

  test("the first adaptive step is the same for every scale of the gradient", () => {
    const ends = [1e-6, 1, 1e6].map((scale) => {
      const relaxation = new ReferenceRelaxation(relaxationSettings(options({ update: "adaptive" })));
      relaxation.stepValues(Float64Array.from(gradient(0), (g) => scale * g));
      return relaxation.logits();
    });
    assert.ok(largestDifference(ends[0], ends[1]) < 1e-12 && largestDifference(ends[1], ends[2]) < 1e-12);
  });

  test("a gate without gradient stays, under every update", () => {
    for (const update of updateNames) {
      for (const Kind of [ReferenceRelaxation, TensorRelaxation]) {
        const relaxation: Relaxation = new Kind(relaxationSettings(options({ update })));
        const before = relaxation.logits();
        const g = tf.tensor1d(gradient(0).map((x, i) => (i === 7 ? 0 : x)));
        relaxation.step(g);
        const after = relaxation.logits();
        assert.ok(Math.abs(after[7] - before[7]) < 1e-6 && Math.abs(after[8] - before[8]) > 1e-4, update);
        tf.dispose(g);
        relaxation.dispose();
      }
    }
  });

  test("Adam agrees with TensorFlow.js's own away from the box", () => {
    const settings = relaxationSettings(
      options({ update: "adam", stepSize: 0.02, estimator: "identity-straight-through" }),
    );
    const relaxation = new ReferenceRelaxation(settings);
    const variable = tf.variable(tf.tensor1d(Float32Array.from(settings.initialLogits)));
    const optimizer = tf.train.adam(0.02, 0.9, 0.999, 1e-8);
    for (let step = 0; step < 20; step++) {
      const g = gradient(step);
      relaxation.stepValues(Float64Array.from(g));
      const v = tf.tensor1d(g.map((x) => x / (4 * settings.hotTemperature)));
      optimizer.applyGradients([{ name: variable.name, tensor: v }]);
    }
    assert.ok(largestDifference(relaxation.logits(), variable.dataSync()) < 1e-5);
  });
});

describe("estimators by hand", () => {
  const at = { cold: 0.2, hot: 0.8, step: 0, annealSteps: 10, advantage: 0.5 };

  test("forward and backward temperatures are the right way round", () => {
    assert.equal(estimators["two-temperature"].gate(0.3, 0, at), gate(0.3, 0.2));
    assert.equal(estimators["two-temperature"].pull(0.3, 2, 0, at), 2 * gateSlope(0.3, 0.8));
    assert.equal(relaxationSettings(options({ estimator: "one-temperature" })).hotTemperature, 0.2);
    assert.equal(estimators["straight-through"].gate(0.3, 0, at), 1);
    assert.equal(estimators["straight-through"].gate(-0.3, 0, at), 0);
  });

  test("annealing goes from the hot temperature to the cold one", () => {
    const { gate: annealed } = estimators.annealed;
    assert.equal(annealed(0.3, 0, at), gate(0.3, 0.8));
    assert.ok(Math.abs(annealed(0.3, 0, { ...at, step: 5 }) - gate(0.3, 0.4)) < 1e-15);
    assert.ok(Math.abs(annealed(0.3, 0, { ...at, step: 99 }) - gate(0.3, 0.2)) < 1e-15);
  });

  test("the pathwise estimators pull by the derivative of their own gate", () => {
    for (const name of ["one-temperature", "gumbel-sigmoid", "hard-concrete"] as const) {
      const { gate: forward, pull } = estimators[name];
      const here = name === "one-temperature" ? { ...at, hot: at.cold } : at;
      for (const [x, noise] of [
        [0.3, 0.1],
        [-0.2, 0.4],
        [2.5, 3],
      ]) {
        const difference = (forward(x + 1e-6, noise, here) - forward(x - 1e-6, noise, here)) / 2e-6;
        assert.ok(Math.abs(pull(x, 1, noise, here) - difference) < 1e-6, name);
      }
    }
  });

  test("REINFORCE's mean pull is the gradient of the expected loss", () => {
    // E = p * loss(1) + (1 - p) * loss(0) with p = s_th(x).
    const [x, open, shut] = [0.4, 3, 1];
    const random = new Random(3, "uniform");
    const draws = 40_000;
    let sum = 0;
    for (let draw = 0; draw < draws; draw++) {
      const u = random.uniform() + 2 ** -33;
      const noise = Math.log(u) - Math.log1p(-u);
      const a = estimators.reinforce.gate(x, noise, at);
      sum += estimators.reinforce.pull(x, 0, noise, { ...at, advantage: a === 1 ? open : shut });
    }
    assert.ok(Math.abs(sum / draws - gateSlope(x, at.hot) * (open - shut)) < 0.03);
  });
});

describe("float64 and tensors", () => {
  for (const pair of everyday) testAgreement(pair);

  test("agree for moves of every size, up to the whole box", () => {
    for (const update of ["mirror", "adaptive"] as const) {
      for (const stepSize of [1e-4, 0.1, 1, 10, 1000]) {
        const settings = relaxationSettings(options({ update, stepSize, hotTemperature: 0.5, logitBound: 3 }));
        const reference = new ReferenceRelaxation(settings);
        const tensors = new TensorRelaxation(settings);
        drive(reference, 0, 20);
        drive(tensors, 0, 20);
        // The dual variable is rounded; where the map is flat the logit moves by at most as much.
        assert.ok(largestDifference(reference.logits(), tensors.logits()) < 1e-4, `${update} ${stepSize}`);
        reference.dispose();
        tensors.dispose();
      }
    }
  });
});

describe("a relaxation", () => {
  for (const Kind of [ReferenceRelaxation, TensorRelaxation]) {
    test(`${Kind.name} goes on exactly from a saved state`, () => everyday.forEach((pair) => checkGoesOn(Kind, pair)));

    test(`${Kind.name} leaks no tensor`, () => checkLeaks(Kind, everyday));

    test(`${Kind.name} refuses a gradient that isn't finite, and changes nothing`, () => {
      for (const bad of [NaN, Infinity, -Infinity]) {
        const relaxation: Relaxation = new Kind(relaxationSettings(options({ update: "adaptive" })));
        drive(relaxation, 0, 3);
        const saved = structuredClone(relaxation.save());
        const g = tf.tensor1d(gradient(3).map((x, i) => (i === 11 ? bad : x)));
        assert.throws(
          () => relaxation.step(g),
          (error: TwotempError) => error.code === "relaxation/not-finite" && /step 3.*gate 11 /.test(error.message),
        );
        assert.deepEqual(relaxation.save(), saved);
        relaxation.dispose();
      }
    });

    test(`${Kind.name} adds a price to the gradient, one for all gates or one a gate`, () => {
      const prices = gradient(7);
      for (const price of [[0.25], prices]) {
        const [given, added]: Relaxation[] = [0, 1].map(() => new Kind(relaxationSettings(options({}))));
        for (let step = 0; step < 3; step++) {
          const g = tf.tensor1d(gradient(step));
          given.step(g, undefined, tf.tensor1d(price));
          added.step(tf.add(g, tf.tensor1d(price)));
        }
        assert.deepEqual(given.save(), added.save());
        [given, added].forEach((each) => each.dispose());
      }
    });

    test(`${Kind.name} refuses what doesn't fit`, () => {
      const relaxation: Relaxation = new Kind(relaxationSettings(options({ estimator: "reinforce", update: "adam" })));
      const code = (wanted: string) => (error: TwotempError) => error.code === wanted && !error.message.includes("\n");
      assert.throws(() => relaxation.step(tf.tensor1d([1, 2]), 1), code("relaxation/shape"));
      assert.throws(() => relaxation.step(tf.tensor1d(gradient(0))), code("relaxation/loss"));
      assert.throws(() => relaxation.step(tf.tensor1d(gradient(0)), NaN), code("relaxation/loss"));
      const prices = tf.tensor1d([1, 2, 3]);
      assert.throws(() => relaxation.step(tf.tensor1d(gradient(0)), 1, prices), code("relaxation/shape"));
      assert.throws(() => relaxation.load({ ...relaxation.save(), update: "euler" }), code("relaxation/state"));
      assert.equal(relaxation.steps, 0);
      relaxation.dispose();
    });
  }

  test("logits in float32 stay in boxes whose bounds aren't float32 numbers", () => {
    for (const update of ["mirror", "euler", "adaptive", "adam"] as const) {
      for (const logitBound of [0.3, 0.7, 1.1, 2.9, 3]) {
        const initialLogits = [logitBound, -logitBound, 0];
        const settings = relaxationSettings({ gateCount: 3, update, logitBound, stepSize: 1, initialLogits });
        const relaxation = new TensorRelaxation(settings);
        const gradient = tf.tensor1d([-1e3, 1e3, 1e3]);
        for (let step = 0; step < 8; step++) relaxation.step(gradient);
        for (const logits of [relaxation.logits(), relaxation.settings.initialLogits]) {
          const most = Math.max(...Array.from(logits, Math.abs));
          assert.ok(most <= logitBound && most > 0.999999 * logitBound, `${update}: ${most} of ${logitBound}`);
        }
        relaxation.dispose();
        gradient.dispose();
      }
    }
  });

  test("uses float64 up to 16,384 gates and tensors beyond", () => {
    const kinds = [16_384, 16_385].map((count) => {
      const relaxation = createRelaxation({ gateCount: count });
      const { precision } = relaxation.accumulators();
      assert.deepEqual(relaxation.gates().shape, [count]);
      relaxation.dispose();
      return precision;
    });
    assert.deepEqual(kinds, ["float64", "float32"]);
  });
});

describe("many gates", () => {
  for (const update of ["adaptive", "mirror"] as const) {
    test(`of ${update} move as few do: a part after the other, each by itself`, () => {
      const count = 2 ** 19 + 3;
      const few = [0, 1, 2 ** 19 - 1, 2 ** 19, count - 1];
      const make = (gateCount: number): Relaxation =>
        new TensorRelaxation(relaxationSettings({ gateCount, seed: 1, update, stepSize: 0.5 }));
      const [all, own] = [make(count), make(few.length)];
      for (let step = 0; step < 3; step++) {
        const gradient = new Random(1, "many gates", step).normals(count);
        tf.tidy(() => {
          all.step(tf.tensor1d(gradient));
          own.step(tf.tensor1d(few.map((gate) => gradient[gate])));
        });
      }
      const logits = all.logits();
      own.logits().forEach((logit, i) => assert.ok(Math.abs(logit - logits[few[i]]) < 1e-6, `gate ${few[i]}`));
      assert.notEqual(logits[0], logits[count - 1]);
      [all, own].forEach((relaxation) => relaxation.dispose());
    });
  }
});

describe("settings", () => {
  test("name the value that can't be, in one line", () => {
    const cases: [Partial<RelaxationOptions>, RegExp][] = [
      [{ gateCount: 0 }, /^gateCount must be .* got 0$/],
      [{ gateCount: 2.5 }, /got 2.5$/],
      [{ coldTemperature: 0 }, /^coldTemperature .* got 0$/],
      [{ hotTemperature: -1 }, /^hotTemperature .* got -1$/],
      [{ coldTemperature: NaN }, /got NaN$/],
      [{ coldTemperature: 2 }, /^hotTemperature must be at least coldTemperature, which is 2; got 0.8$/],
      [{ logitBound: 0 }, /^logitBound .* got 0$/],
      [{ logitBound: Infinity }, /^logitBound .* got Infinity$/],
      [{ logitBound: 65, initialLogits: undefined }, /^logitBound must be at most 80 times/],
      [{ stepSize: 0 }, /^stepSize .* got 0$/],
      [{ stepSize: undefined, update: "mirror" }, /^stepSize .* got undefined$/],
      [{ initialLogits: [0] }, /^initialLogits must be one number a gate, 50 in all; got 1 numbers$/],
      [{ logitBound: 0.01 }, /^initialLogits\[0\] must be inside the box/],
      [{ initialLogits: new Float64Array(50).fill(NaN) }, /^initialLogits\[0\] .* got NaN$/],
      [{ estimator: "magic" as EstimatorName }, /^estimator must be two-temperature, .* got magic$/],
      [{ update: "toString" as UpdateName }, /^update must be euler, .* got toString$/],
      [{ estimator: "reinforce", update: "mirror" }, /^update must be one that goes .* euler, adam; got mirror$/],
      [{ seed: NaN }, /^seed .* got NaN$/],
      [{ annealSteps: 0 }, /^annealSteps .* got 0$/],
    ];
    for (const [change, message] of cases) {
      assert.throws(
        () => createRelaxation(options(change)),
        (error: TwotempError) => {
          assert.match(error.message, message);
          return error.code === "relaxation/option" && !error.message.includes("\n");
        },
      );
    }
    const many = { gateCount: 20_000, coldTemperature: 0.05, hotTemperature: 0.1, logitBound: 3 };
    assert.throws(() => createRelaxation(many), /^TwotempError: logitBound must be at most 8 times/);
  });
});
