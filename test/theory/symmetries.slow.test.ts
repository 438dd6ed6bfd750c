import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { Dataset } from "../../lib/data/index.js";
import { Random, ready } from "../../lib/engine/index.js";
import { mlp } from "../../lib/models/index.js";
import { type WeightStrategyName, weightStrategies } from "../../lib/search/strategies/index.js";
import { searchSpace } from "../../lib/space/index.js";
import { gateSlots } from "../../lib/space/forward.js";

describe("Proposition 7", () => {
  test("so it is with the strategies of a search: resample sees no labels; episode, reset and joint do", async () => {
    await ready();
    const space = searchSpace(mlp({ inputShape: [4], hidden: [8], classes: 3 }), { gates: "input" });
    const gates = tf.fill([4], 0.5) as tf.Tensor1D;
    /** Means of the gates' gradient over many steps, and their standard errors. */
    const gradientOf = (name: WeightStrategyName, dealt: boolean): { mean: number[]; error: number[] } => {
      const strategy = weightStrategies[name]({
        space,
        slots: gateSlots(space.plan),
        dataset: labelled(dealt),
        seed: 0,
        batch: 32,
        redrawEvery: name === "resample" ? 1 : 25,
        wholeEvery: 1,
        weightStepSize: 0.01,
        episode: { shots: 5, queries: 10, ways: undefined },
      });
      const rows = Array.from({ length: 100 }, (_, step) => {
        const { loss, gateGradient, train } = strategy.evaluate(step, gates);
        train?.(true);
        const row = Array.from(gateGradient.dataSync());
        tf.dispose([loss, gateGradient]);
        return row;
      });
      strategy.dispose();
      const mean = [0, 1, 2, 3].map((i) => rows.reduce((sum, row) => sum + row[i] / rows.length, 0));
      const error = mean.map((centre, i) =>
        Math.sqrt(rows.reduce((sum, row) => sum + (row[i] - centre) ** 2, 0) / rows.length / (rows.length - 1)),
      );
      return { mean, error };
    };
    /** The largest difference that dealing the labels out anew makes, in standard errors. */
    const difference = (name: WeightStrategyName): number => {
      const [own, dealt] = [false, true].map((deal) => gradientOf(name, deal));
      return Math.max(
        ...own.mean.map((m, i) => Math.abs(m - dealt.mean[i]) / Math.hypot(own.error[i], dealt.error[i])),
      );
    };
    const unmoved = difference("resample");
    assert.ok(unmoved < 4, `resample ${unmoved}`);
    for (const name of ["episode", "reset", "joint"] as const) {
      const moved = difference(name);
      assert.ok(moved > 5, `${name} ${moved}`);
    }
    gates.dispose();
  });
});

/** Examples whose first input is their class; `dealt` labels them anew, whatever they are. */
function labelled(dealt: boolean): Dataset {
  const random = new Random(0, "labelled");
  const count = 300;
  const classes = Int32Array.from({ length: count }, (_, k) => k % 3);
  const inputs = Float32Array.from({ length: 4 * count }, (_, at) =>
    at % 4 === 0 ? classes[at / 4] - 1 + 0.1 * random.normal() : random.normal(),
  );
  const order = new Random(0, "dealt").permutation(count);
  const split = { inputs, labels: dealt ? classes.map((_, k) => classes[order[k]]) : classes, count };
  return new Dataset({
    name: "labelled",
    inputShape: [4],
    classNames: ["a", "b", "c"],
    train: split,
    test: split,
    provenance: { source: "made here", licence: "none", citation: "none", files: [], steps: [] },
  });
}
