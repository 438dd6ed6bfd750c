import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import {
  type Architecture,
  baselines,
  controls,
  Dataset,
  mlp,
  operationNetwork,
  projectRoot,
  Random,
  reasonOf,
  type SearchSpace,
  searchSpace,
} from "../../lib/index.js";
import { OperationSampler } from "../../lib/baselines/randomOperations.js";
import { inputDeviations } from "../../lib/baselines/inputDeviations.js";
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

test("random operations cost exactly what they are to, also where a stage dies", async () => {
  const operations = ["conv3", "conv5", "depthwise3", "max3", "identity"] as const;
  const cell = operationNetwork({
    inputShape: [12, 12, 1],
    classes: 5,
    stages: [
      { name: "stem", operations: ["conv3"], filters: 8 },
      { name: "a", operations: [...operations], from: ["stem"] },
      { name: "b", operations: [...operations], from: ["stem", "a"] },
    ],
  });
  const space = searchSpace(cell, { gates: "op" });
  const baseline = baselines["random-operations"];
  let drawn = 0;
  for (let seed = 0; seed < 10; seed++) {
    const scores = new Random(seed, "scores").uniforms(space.gateCount);
    const learned = [space.within(scores, { density: 0.3 + 0.02 * seed })];
    if (baseline.refuses(space, learned)) continue;
    const context = { ...contextOf(source, "input", 0), space, learned, randomCount: 10, seed: 1 };
    for (const { architecture } of await baseline.candidates(context)) {
      const { parameters, multiplyAdds } = architecture.counts;
      assert.deepEqual([parameters, multiplyAdds], [learned[0].counts.parameters, learned[0].counts.multiplyAdds]);
      drawn++;
    }
  }
  assert.ok(drawn >= 50, String(drawn));
});

test("sets of operations are counted exactly, however large their costs", () => {
  const size = 5;
  const stages = 4;
  const groups = Array.from({ length: stages }, (_, s) => ({ name: `stage ${s}`, offset: s * size, size }));
  const mask = Uint8Array.from({ length: stages * size }, (_, i) => [1, 0, 0, 1, i < 10 ? 1 : 0][i % size]);
  // Convolutions of 3 and 5 on 128 channels; once without a common divisor.
  for (const odd of [0, 1]) {
    const costs = {
      parameters: [0, 0, 0, 147456 + odd, 409600],
      multiplyAdds: [0, 0, 0, 150994944 + odd, 419430400],
    };
    const gateSavings = (measure: keyof typeof costs): Float64Array =>
      Float64Array.from(mask, (_, i) => costs[measure][i % size]);
    const space = { groups, gateCount: mask.length, gateSavings } as unknown as SearchSpace;
    const sampler = new OperationSampler(space, { mask } as Architecture);
    assert.equal(sampler.count, 2970);
    // Equal numbers of each operation are equal costs.
    const convolutions = (drawn: Uint8Array): number[] =>
      [3, 4].map((k) => total(drawn.filter((_, i) => i % size === k)));
    for (let i = 0; i < 20; i++) {
      const drawn = sampler.draw(new Random(0, "draw", i));
      assert.equal(total(drawn), total(mask));
      assert.deepEqual(convolutions(drawn), convolutions(mask));
    }
  }
});

test("a source score is refused where a class has a single example", async () => {
  const labels = Int32Array.of(0, 0, 1, 1, 2);
  const examples = { inputs: Float32Array.from({ length: 30 }, (_, i) => Math.sin(i)), labels, count: 5 };
  const made = new Dataset({
    name: "made",
    inputShape: [6],
    classNames: ["a", "b", "c"],
    train: examples,
    test: examples,
    provenance: { source: "made", licence: "none", citation: "none", files: [], steps: [] },
  });
  const space = searchSpace(mlp({ inputShape: [6], hidden: [4], classes: 3 }), { gates: "input" });
  const learned = [space.architecture([1, 1, 1, 0, 0, 0])];
  const context = { ...contextOf(source, "input", 0), space, source: made, learned };
  await assert.rejects(
    async () => baselines["best-random"].candidates(context),
    (error) => /2 training examples of each class, the smallest has 1/.test(reasonOf(error) ?? ""),
  );
});

test("random gates of mixed kinds keep the network whole", async () => {
  const model = mlp({ inputShape: [8, 8, 1], hidden: [16, 12], classes: 5 });
  const space = searchSpace(model, {
    gates: ({ name }) => (name === "image" ? "input" : name.startsWith("hidden") ? "weight" : "none"),
  });
  const learned = [space.within(new Random(3, "scores").uniforms(space.gateCount), { density: 0.1, everyGroup: true })];
  const context = { ...contextOf(source, "input", 0), space, learned, randomCount: 20 };
  for (const { architecture } of await baselines.random.candidates(context)) {
    for (const { name } of space.groups) assert.equal(total(architecture.group(name)), total(learned[0].group(name)));
  }
});

test("a constant input has no deviation, whatever its value", () => {
  const inputs = Float32Array.from({ length: 2000 }, (_, i) => (i % 2 ? i : 123.456));
  const [constant, other] = inputDeviations({ train: { inputs, count: 1000 }, inputSize: 2, scale: 1 } as never);
  assert.equal(constant, 0);
  assert.ok(Math.abs(other - 577.35) < 0.01, String(other));
});

test("inverted gates are none of the learned ones", async () => {
  for (const gates of ["input", "weight"]) {
    const context = contextOf(source, gates, 0);
    for (const [i, { architecture }] of (await baselines.inverted.candidates(context)).entries()) {
      assert.ok(architecture.mask.every((gate, at) => !gate || !context.learned[i].mask[at]));
    }
  }
});
