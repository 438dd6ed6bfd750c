import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { type Architecture, baselines, controls, type Dataset, projectRoot } from "../../lib/index.js";
import { contextOf, lengthy, openDigits, testObligations, total } from "./obligations.js";

let source: Dataset;

before(async () => {
  source = await openDigits();
});

// Units have the most rules about costs; other gates and the lengthy baselines are slow tests.
const quick = Object.keys(baselines).filter((name) => !lengthy.includes(name));
testObligations(() => source, ["unit"], quick);

test("the default controls are registered, and cheap", () => {
  for (const control of controls) assert.equal(baselines[control.name], control);
  assert.equal(controls.length, 6);
});

test("every baseline is explained", () => {
  const page = readFileSync(join(projectRoot, "docs", "baselines.md"), "utf8");
  for (const name of Object.keys(baselines)) assert.ok(page.includes(`\`${name}\``), name);
});

test("random widths are other widths", async () => {
  const context = contextOf(source, "unit", 0);
  const widths = (architecture: Architecture): string =>
    context.space.groups.map(({ name }) => total(architecture.group(name))).join();
  for (const [i, { architecture }] of (await baselines.random.candidates(context)).entries()) {
    assert.notEqual(widths(architecture), widths(context.learned[i % 2]));
  }
});

test("random inputs that vary never take one that doesn't", async () => {
  const context = contextOf(source, "input", 0);
  const { train, inputSize } = source;
  for (const { architecture } of await baselines["random-varying"].candidates(context)) {
    for (const [i, open] of architecture.mask.entries()) {
      if (!open) continue;
      const values = new Set(Array.from({ length: train.count }, (_, row) => train.inputs[row * inputSize + i]));
      assert.ok(values.size > 1, `input ${i} is constant`);
    }
  }
});

test("inverted gates are none of the learned ones", async () => {
  for (const gates of ["input", "weight"]) {
    const context = contextOf(source, gates, 0);
    for (const [i, { architecture }] of (await baselines.inverted.candidates(context)).entries()) {
      assert.ok(architecture.mask.every((gate, at) => !gate || !context.learned[i].mask[at]));
    }
  }
});
