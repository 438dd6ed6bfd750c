import assert from "node:assert/strict";
import { join } from "node:path";
import { afterEach, describe, test } from "node:test";
import { outputRoot, projectRoot, settings } from "../lib/index.js";

const defaults = { source: "digits:0-4", shots: [1, 5, 10], steps: 2000 };
const quick = { shots: [5], steps: 100 };

describe("settings of a notebook", () => {
  afterEach(() => {
    delete process.env.TWOTEMP_SETTINGS;
    delete process.env.TWOTEMP_QUICK;
  });

  test("are the defaults where nothing is asked for", () => {
    assert.deepEqual(settings(defaults), defaults);
    assert.deepEqual(settings(defaults, quick), defaults);
    process.env.TWOTEMP_QUICK = "0";
    assert.deepEqual(settings(defaults, quick), defaults);
  });

  test("become quick, and those of the environment win", () => {
    process.env.TWOTEMP_QUICK = "1";
    assert.deepEqual(settings(defaults), defaults);
    assert.deepEqual(settings(defaults, quick), { source: "digits:0-4", shots: [5], steps: 100 });
    process.env.TWOTEMP_SETTINGS = '{"steps": 7}';
    assert.deepEqual(settings(defaults, quick), { source: "digits:0-4", shots: [5], steps: 7 });
    assert.deepEqual(defaults, { source: "digits:0-4", shots: [1, 5, 10], steps: 2000 }, "the defaults stay");
  });

  test("of the environment must fit", () => {
    const given = (text: string) => () => {
      process.env.TWOTEMP_SETTINGS = text;
      settings(defaults);
    };
    assert.throws(given("{"), { code: "settings/json", message: "TWOTEMP_SETTINGS isn't JSON: {" });
    for (const text of ["[1]", "null", "3"]) assert.throws(given(text), { code: "settings/json" });
    assert.throws(given('{"step": 3}'), {
      code: "settings/name",
      message: 'no setting "step": there are source, shots, steps',
    });
    for (const text of ['{"steps": "3"}', '{"shots": 5}', '{"shots": {}}', '{"source": null}']) {
      assert.throws(given(text), { code: "settings/type" });
    }
  });

  test("of the quick block must fit, also when it isn't used", () => {
    const unknown: object = { step: 3 };
    assert.throws(() => settings(defaults, unknown), { code: "settings/name" });
    const otherType: object = { steps: "few" };
    assert.throws(() => settings(defaults, otherType), {
      code: "settings/type",
      message: 'setting "steps" is 2000-like, got "few"',
    });
  });

  test("quick runs write into a folder of their own", () => {
    assert.equal(outputRoot(), projectRoot);
    process.env.TWOTEMP_QUICK = "1";
    assert.equal(outputRoot(), join(projectRoot, "build", "quick"));
  });
});
