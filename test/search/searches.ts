import assert from "node:assert/strict";
import { test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { type Dataset, mlp, resumeSearch, search, type SearchOptions, searchSpace } from "../../lib/index.js";
import type { WeightStrategyName } from "../../lib/search/index.js";
import { NarrowingEvaluator } from "../../lib/search/narrowing.js";
import { type Budget, exceedance, type GateKind, gateSlots, type SearchSpace } from "../../lib/space/index.js";
import { planted } from "../planted.js";

/** A small perceptron for the data. */
export const spaceOf = (source: Dataset, gates: GateKind, hidden: number[] = [16, 8]): SearchSpace =>
  searchSpace(mlp({ inputShape: source.inputShape, hidden, classes: source.classCount }), { gates });

/** A search of few steps. */
export const short: SearchOptions = { steps: 40, redrawEvery: 7, batch: 16, density: 0.25, seed: 3, recordEvery: 5 };

/** Tests what every strategy for the weights owes. */
export function testStrategy(source: () => Dataset, weights: WeightStrategyName): void {
  testRepeating(source, weights);

  test(`with ${weights} weights leaks no tensor`, () => {
    const space = spaceOf(source(), "unit");
    const run = search(space, source(), { ...short, weights, steps: 200 });
    for (let i = 0; i < 20; i++) run.advance();
    const held = tf.memory().numTensors;
    for (let i = 0; i < 20; i++) run.advance();
    assert.equal(tf.memory().numTensors, held);
    run.dispose();
  });
}

/** Tests that chance comes by the seed alone, with the gates of a perceptron. */
export function testRepeating(
  source: () => Dataset,
  weights: WeightStrategyName,
  gates: GateKind = "input",
  hidden?: number[],
): void {
  const what = `${hidden ? `${hidden.join("-")} ` : ""}${gates} gates and ${weights} weights`;
  test(`with ${what} repeats itself, differs by seed, and goes on exactly from a checkpoint`, async () => {
    const space = spaceOf(source(), gates, hidden);
    const run = await search(space, source(), { ...short, weights }).run();
    const again = await search(space, source(), { ...short, weights }).run();
    assert.deepEqual(again.trace, run.trace);
    assert.deepEqual(again.logits(), run.logits());
    const other = await search(space, source(), { ...short, weights, seed: 4 }).run();
    assert.notDeepEqual(other.logits(), run.logits());

    const first = search(space, source(), { ...short, weights });
    for (let i = 0; i < 17; i++) first.advance();
    const resumed = await resumeSearch(space, source(), structuredClone(first.checkpoint())).run();
    assert.deepEqual(resumed.trace, run.trace);
    assert.deepEqual(resumed.logits(), run.logits());
    assert.deepEqual(resumed.certificate(), run.certificate());
  });
}

/** Tests that one step of each block of steps evaluates closed gates, and counts them for all, at a place by the seed. */
export function testWholeSteps(source: () => Dataset): void {
  test("has one whole step a block, at no fixed distance from those before, which counts for the others", () => {
    const space = spaceOf(source(), "unit", [8]);
    const [wholeEvery, blocks] = [5, 12];
    const evaluator = new NarrowingEvaluator({ space, slots: gateSlots(space.plan), wholeEvery }, false);
    const open = Uint8Array.from({ length: space.gateCount }, (_, gate) => gate % 2);
    const gates = tf.tensor1d(Float32Array.from(open));
    const weights = space.initialise(0, "weights");
    const batch = [tf.randomNormal([4, ...source().inputShape], 0, 1, "float32", 0), tf.eye(4, source().classCount)];
    const { gateGradient: all } = evaluator.whole(weights, gates, batch, [0]);
    const expected = all.dataSync().map((gradient, gate) => (open[gate] ? gradient : wholeEvery * gradient));
    evaluator.load(open);
    const placesOf = (seed: number): number[] =>
      Array.from({ length: blocks }, (_, block) => {
        const steps = Array.from({ length: wholeEvery }, (_, place) => block * wholeEvery + place);
        const gradients = steps.map((step) => {
          const { gateGradient } = evaluator.evaluate(step, weights, gates, batch, [seed, "search", step]);
          return gateGradient.dataSync();
        });
        const places = [...gradients.keys()].filter((place) => gradients[place].some((x, gate) => !open[gate] && x));
        assert.equal(places.length, 1);
        assert.deepEqual(gradients[places[0]], expected);
        return places[0];
      });
    const places = placesOf(3);
    assert.ok(new Set(places).size > 2, places.join());
    assert.deepEqual(placesOf(3), places);
    assert.notDeepEqual(placesOf(4), places);
    evaluator.dispose();
  });
}

/** Tests a search of units that leaves those out which are closed. */
export function testNarrowing(source: () => Dataset, weights: WeightStrategyName): void {
  test(`with ${weights} weights leaves closed units out, in its certificate too, and goes on exactly`, async () => {
    const held = tf.memory().numTensors;
    const space = spaceOf(source(), "unit", [24, 16]);
    const options = { ...short, weights, steps: 700, density: 0.2, densityDecay: 0.2, recordEvery: 50 };
    const whole = search(space, source(), options);
    const first = search(space, source(), { ...options, wholeEvery: 4 });
    const isWhole = (): boolean => !first.checkpoint().strategy.open;
    while (isWhole()) {
      assert.deepEqual(first.logits(), whole.logits());
      whole.advance();
      first.advance();
    }
    // Not a whole step, and the next one is to know what was left out.
    for (let i = 0; i < 6; i++) first.advance();
    const resumed = await resumeSearch(space, source(), structuredClone(first.checkpoint())).run();
    await first.run();
    assert.deepEqual(resumed.checkpoint(), first.checkpoint());
    assert.deepEqual(resumed.certificate(), first.certificate());
    const { open } = first.checkpoint().strategy;
    assert.ok(open!.includes(0));
    const { mask } = first.architecture();
    assert.ok(
      mask.every((kept, gate) => !kept || open![gate]),
      "what is kept was never left out at the end",
    );
    for (const run of [whole, first, resumed]) run.dispose();
    space.model.dispose();
    assert.equal(tf.memory().numTensors, held);
  });
}

const budgets: Readonly<Record<string, ["unit" | "weight", (space: SearchSpace) => Budget]>> = {
  parameters: ["unit", ({ full }) => ({ parameters: full.parameters / 3 })],
  "multiply-adds in every layer": ["unit", ({ full }) => ({ multiplyAdds: full.multiplyAdds / 2, everyGroup: true })],
  "a density in every group": ["weight", () => ({ density: 0.25, everyGroup: true })],
  "two weights in four": ["weight", () => ({ pattern: { keep: 2, of: 4 } })],
};

/** Tests a search within the budget of this name. */
export function testBudget(source: () => Dataset, name: string): void {
  const [gates, budgetOf] = budgets[name];
  test(`keeps to a budget of ${name}, steers to it, says what it kept, and is resumed exactly`, async () => {
    const space = spaceOf(source(), gates);
    const budget = budgetOf(space);
    const options = { steps: 300, redrawEvery: 50, batch: 16, seed: 3, recordEvery: 20, budget };
    const run = await search(space, source(), options).run();
    const { mask, provenance } = run.architecture();
    const { kept } = provenance as { kept: Record<string, number> };
    assert.deepEqual(
      Object.keys(kept),
      Object.keys(budget).filter((key) => !["everyGroup", "pattern"].includes(key)),
    );
    for (const excess of exceedance(space, mask, budget)) assert.ok(excess <= 1e-8, `${excess} more than asked for`);
    for (const gate of mask.keys()) {
      if (mask[gate] || gates === "weight") continue;
      assert.ok(Math.max(...exceedance(space, mask.with(gate, 1), budget)) > 1e-8, `gate ${gate} fits, too`);
    }
    assert.equal(run.certificate().holds, true);
    const away = (logits: Float64Array): number =>
      exceedance(
        space,
        Uint8Array.from(logits, (x) => (x > 0 ? 1 : 0)),
        budget,
      ).reduce((sum, excess) => sum + Math.abs(excess), 0);
    const free = await search(space, source(), { ...options, budget: undefined, costs: run.settings.costs }).run();
    assert.ok(away(run.logits()) < away(free.logits()), "nearer than without steering");

    const first = search(space, source(), options);
    for (let i = 0; i < 117; i++) first.advance();
    const resumed = await resumeSearch(space, source(), structuredClone(first.checkpoint())).run();
    assert.deepEqual(resumed.logits(), run.logits());
  });
}

/** Asserts that a search finds the inputs that carry the label. */
export async function findsInputs(options: SearchOptions): Promise<void> {
  const data = planted(0, 12, [1, 4, 10], 3);
  const model = mlp({ inputShape: [12], hidden: [16], classes: 3 });
  const run = await search(searchSpace(model, { gates: "input" }), data, { density: 0.25, ...options }).run();
  const { mask } = run.architecture();
  assert.deepEqual(
    Array.from(mask.keys()).filter((i) => mask[i]),
    [1, 4, 10],
  );
}
