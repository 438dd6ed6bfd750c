import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { mlp } from "../../lib/models/index.js";
import { type Budget, type CompactOptions, type CostMeasure, predictor, searchSpace } from "../../lib/space/index.js";

const model = mlp({ inputShape: [4], hidden: [4], classes: 4 });
const space = searchSpace(model, { gates: "unit" });
const scores = new Float32Array(space.gateCount);
const gates = tf.ones<tf.Rank.R1>([space.gateCount]);

/** Asserts that each action is refused with its code in one line. */
function refuse(refused: readonly (readonly [() => unknown, string, RegExp])[]): void {
  for (const [act, code, message] of refused) assert.throws(act, { name: "TwotempError", code, message }, `${message}`);
}

describe("a space refuses", () => {
  test("what isn't a budget", () => {
    const within = (budget: unknown) => () => space.within(scores, budget as Budget);
    refuse([
      [within(0.5), "space/budget", /^invalid budget 0.5: /],
      [within(null), "space/budget", /^invalid budget null: /],
      [within({ density: 0.5, foo: 2 }), "space/budget", /foo/],
      [within({ density: "half" }), "space/budget", /^invalid budget.density "half": /],
      [within({ pattern: { keep: 2 } }), "space/budget", /^invalid budget.pattern.of /],
    ]);
  });

  test("measures, gates and layouts that there aren't, by name", () => {
    const other = "bogus" as CostMeasure;
    const layout = { inputs: "bogus" } as unknown as CompactOptions;
    const whole = space.architecture(new Uint8Array(space.gateCount).fill(1));
    const gated = (options: unknown) => () => searchSpace(model, options as { gates: "unit" });
    refuse([
      [() => space.costs(other), "space/costs", /gates, parameters or multiplyAdds, got "bogus"$/],
      [() => space.relaxedCount(gates, other as "parameters"), "space/costs", /multiplyAdds, got "bogus"$/],
      [() => space.relaxedCount(tf.ones([3]), "parameters"), "space/mask", /have shape \[3\], expected \[4\]$/],
      [() => whole.compact(undefined, layout), "space/compact", /^inputs must be whole or kept, got "bogus"$/],
      [gated({}), "space/gates", /input, weight, unit, block, op or a function of the layer, got undefined$/],
      [gated({ gate: "unit" }), "space/gates", /got undefined$/],
      [gated(undefined), "space/gates", /got undefined$/],
      [gated({ gates: "units" }), "space/gates", /got "units"$/],
    ]);
  });
});

test("a predictor takes the model's inputs alone, and nothing once it was disposed of", () => {
  // Its first kernel is square: a weight could be taken for an input.
  const fast = predictor(model);
  const rows = tf.ones([2, 4]);
  const predict =
    (...inputs: unknown[]) =>
    (): unknown =>
      fast.predict(...(inputs as tf.Tensor[]));
  tf.dispose(fast.predict(rows));
  refuse([
    [predict(), "space/inputs", /^predict takes \[batch, 4\], got nothing$/],
    [predict(rows, rows), "space/inputs", /got \[2, 4\] and \[2, 4\]$/],
    [predict([rows]), "space/inputs", /got no tensor$/],
    [predict(tf.ones([2, 5])), "space/inputs", /got \[2, 5\]$/],
    [predict(tf.ones([4])), "space/inputs", /got \[4\]$/],
  ]);
  fast.dispose();
  refuse([[predict(rows), "space/inputs", /has been disposed of: make another$/]]);
});
