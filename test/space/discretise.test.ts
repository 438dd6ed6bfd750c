import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { Random } from "../../lib/engine/index.js";
import { TwotempError } from "../../lib/errors.js";
import { cnn, mlp, resnet } from "../../lib/models/index.js";
import { discretise, keepLargest, type SearchSpace, searchSpace } from "../../lib/space/index.js";
import { selectors } from "./kinds.js";
import { buildModel, recipes } from "./randomGraph.js";

const { mixed } = selectors;
const scoresOf = (space: SearchSpace, seed: number): Float32Array =>
  new Random(seed, "scores").normals(space.gateCount);
const open = (mask: Uint8Array): number => mask.reduce((sum, gate) => sum + gate, 0);
/** What `act` gives; undefined if no network is that small. */
const orRefused = <T>(act: () => T): T | undefined => {
  try {
    return act();
  } catch (error) {
    if (error instanceof TwotempError && ["space/budget", "space/disconnected"].includes(error.code)) return undefined;
    throw error;
  }
};
const refuses = (act: () => unknown, code: string, text: RegExp): void =>
  assert.throws(
    act,
    (error: unknown) => error instanceof TwotempError && error.code === code && text.test(error.message),
  );

describe("a density", () => {
  test("is met exactly, by the largest scores, ties by index", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 1, maxLength: 60 }),
        fc.double({ min: 1e-6, max: 1, noNaN: true }),
        (scores, density) => {
          const mask = keepLargest(scores, density, scores.length);
          const keep = Math.max(1, Math.round(density * scores.length));
          assert.equal(open(mask), keep);
          for (let i = 0; i < scores.length; i++) {
            for (let j = 0; j < scores.length; j++) {
              if (mask[i] && !mask[j]) assert.ok(scores[i] > scores[j] || (scores[i] === scores[j] && i < j));
            }
          }
        },
      ),
    );
  });

  test("outside of (0, 1], scores of another length and scores that are no numbers are refused", () => {
    for (const density of [0, -1, 1.2, NaN])
      refuses(() => keepLargest([1, 2], density, 2), "space/density", new RegExp(String(density)));
    refuses(() => keepLargest([1, 2, 3], 0.5, 2), "space/mask", /3 scores.*2 gates/);
    refuses(() => keepLargest([1, NaN], 0.5, 2), "space/scores", /gate 1/);
  });
});

describe("a budget", () => {
  test("of parameters or multiply-adds is filled until no gate fits", () => {
    for (const gates of ["unit", "weight"] as const) {
      const space = searchSpace(cnn({ inputShape: [8, 8, 1], filters: [4, 6], dense: 8, classes: 3 }), { gates });
      for (const measure of ["parameters", "multiplyAdds"] as const) {
        const most = Math.round(space.full[measure] / 3);
        const { mask, counts } = discretise(space, scoresOf(space, 1), { [measure]: most });
        assert.ok(counts[measure] <= most, `${counts[measure]} of ${most}`);
        const cheapest = Math.min(
          ...Array.from(mask.keys())
            .filter((gate) => !mask[gate])
            .filter((_, i) => gates === "unit" || i % 37 === 0)
            .map((gate) => space.count(mask.with(gate, 1))[measure])
            .filter((count) => count > counts[measure]),
        );
        assert.ok(cheapest > most, `another gate fits: ${cheapest} of ${most}`);
      }
    }
  });

  test("is met as closely as the cheapest gate allows, and tells how closely: random models", () => {
    let compared = 0;
    fc.assert(
      fc.property(
        recipes(8),
        fc.constantFrom("weight", "unit", "block", mixed),
        fc.constantFrom("parameters", "multiplyAdds"),
        fc.double({ min: 0.1, max: 0.9, noNaN: true }),
        fc.boolean(),
        (recipe, gates, measure, part, everyGroup) => {
          const space = searchSpace(buildModel(recipe), { gates });
          const most = Math.ceil(part * space.full[measure]);
          if (space.gateCount === 0 || space.gateCount > 300 || most === 0) return;
          const found = orRefused(() => discretise(space, scoresOf(space, 1), { [measure]: most, everyGroup }));
          if (!found) return;
          compared += 1;
          const { mask, counts, kept } = found;
          assert.deepEqual(kept, { [measure]: counts[measure] });
          const whole = space.wholeByLayer();
          const fits = (at: Uint8Array): boolean => {
            const layers = space.liveness(at).byLayer();
            const total = space.count(at)[measure];
            if (!everyGroup) return total <= most;
            return [...layers].every(
              ([name, layer]) => layer[measure] <= (most / space.full[measure]) * whole.get(name)![measure] * 1.00001,
            );
          };
          assert.ok(fits(mask), "it keeps to the budget");
          for (let gate = 0; gate < space.gateCount; gate++) {
            const more = mask.with(gate, 1);
            if (space.count(more)[measure] > counts[measure]) assert.ok(!fits(more), `gate ${gate} fits, too`);
          }
        },
      ),
      { numRuns: 60, seed: 5, includeErrorInReport: true },
    );
    assert.ok(compared >= 15, `${compared} of 60 were compared`);
  });

  test("in every layer by itself leaves each layer its part, and names the layer that can't have it", () => {
    const space = searchSpace(cnn({ inputShape: [8, 8, 1], filters: [8, 16], dense: 16, classes: 4 }), {
      gates: "unit",
    });
    const most = space.full.multiplyAdds * 0.4;
    const { mask } = discretise(space, scoresOf(space, 6), { multiplyAdds: most, everyGroup: true });
    const layers = space.liveness(mask).byLayer();
    for (const [name, { multiplyAdds }] of space.wholeByLayer()) {
      assert.ok(layers.get(name)!.multiplyAdds <= 0.4 * multiplyAdds * 1.00001, name);
    }
    refuses(
      () => space.within(scoresOf(space, 6), { parameters: space.full.parameters / 100, everyGroup: true }),
      "space/budget",
      /in layer \w+, the budget is [\d.]+ parameters/,
    );
  });

  test("of weights is met exactly where a gate costs one parameter", () => {
    const space = searchSpace(mlp({ inputShape: [20], hidden: [12], classes: 3 }), { gates: "weight" });
    for (const most of [100, 137, 200]) {
      assert.equal(space.within(scoresOf(space, 2), { parameters: most }).counts.parameters, most);
    }
  });

  test("of density may hold in every group", () => {
    const space = searchSpace(mlp({ inputShape: [20], hidden: [12, 8], classes: 3 }), { gates: "weight" });
    const { mask } = discretise(space, scoresOf(space, 3), { density: 0.5, everyGroup: true });
    for (const { offset, size } of space.groups) assert.equal(open(mask.subarray(offset, offset + size)), size / 2);
  });

  test("of density is never exceeded beside other limits, and met exactly where they leave enough", () => {
    const space = searchSpace(mlp({ inputShape: [16], hidden: [8, 8], classes: 4 }), { gates: "weight" });
    let compared = 0;
    for (let seed = 0; seed < 4; seed++) {
      const scores = new Random(seed, "s").uniforms(space.gateCount);
      for (const density of [0.05, 0.15]) {
        const most = Math.round(density * space.gateCount);
        const alone = discretise(space, scores, { density });
        const ample = discretise(space, scores, { density, parameters: 1000 });
        assert.deepEqual([ample.mask, ample.opened, ample.closed], [alone.mask, alone.opened, alone.closed]);
        assert.equal(open(ample.mask), most);
        const parameters = alone.counts.parameters - 1;
        const tight = orRefused(() => discretise(space, scores, { density, parameters }));
        if (tight) {
          compared += 1;
          assert.ok(open(tight.mask) <= most, `${open(tight.mask)} of ${most}`);
          assert.ok(tight.counts.parameters <= parameters);
          assert.ok(tight.opened.every((gate) => tight.mask[gate]) && tight.closed.every((gate) => !tight.mask[gate]));
        }
        const every = discretise(space, scores, { density, parameters: 1000, everyGroup: true });
        for (const { offset, size } of space.groups)
          assert.ok(open(every.mask.subarray(offset, offset + size)) <= Math.max(1, Math.round(density * size)));
      }
    }
    assert.ok(compared >= 4, `${compared} of 8 were compared`);
    const seven = discretise(space, new Random(0, "s").uniforms(space.gateCount), { density: 0.03, parameters: 60 });
    assert.equal(open(seven.mask), 7);
  });

  test("of two in four weights keeps two of each four neighbours along the inputs", () => {
    const space = searchSpace(mlp({ inputShape: [16], hidden: [6], classes: 4 }), { gates: "weight" });
    const scores = scoresOf(space, 4);
    const { mask } = discretise(space, scores, { pattern: { keep: 2, of: 4 }, repair: false });
    const [{ shape, offset }] = space.groups;
    const [inputs, units] = shape;
    for (let unit = 0; unit < units; unit++) {
      for (let begin = 0; begin < inputs; begin += 4) {
        const gates = [0, 1, 2, 3].map((i) => offset + (begin + i) * units + unit);
        const kept = gates.filter((gate) => mask[gate]);
        const best = [...gates].sort((a, b) => scores[b] - scores[a]).slice(0, 2);
        assert.deepEqual(
          kept,
          best.sort((a, b) => a - b),
        );
      }
    }
    refuses(() => discretise(space, scores, { pattern: { keep: 5, of: 4 } }), "space/budget", /5 of 4/);
  });

  test("of two in four runs along the inputs of every kind of kernel", () => {
    const { layers } = tf;
    const kernels: [tf.layers.Layer, number][] = [
      [layers.conv2d({ filters: 5, kernelSize: 3 }), 2],
      [layers.conv2dTranspose({ filters: 5, kernelSize: 3 }), 3],
    ];
    for (const [layer, axis] of kernels) {
      const input = tf.input({ shape: [6, 6, 8] });
      const model = tf.model({ inputs: input, outputs: layer.apply(input) as tf.SymbolicTensor });
      const space = searchSpace(model, { gates: "weight" });
      const { mask } = discretise(space, scoresOf(space, 4), { pattern: { keep: 2, of: 4 } });
      const kept = tf.tidy(() => {
        const kernel = tf.tensor(mask, space.groups[0].shape as number[], "int32");
        const order = [0, 1, 2, 3].filter((a) => a !== axis);
        return tf.sum(tf.reshape(tf.transpose(kernel, [...order, axis]), [-1, 4]), 1).dataSync();
      });
      assert.ok(
        kept.every((count) => count === 2),
        layer.getClassName(),
      );
    }
  });

  test("that no network meets, or that asks for nothing, is refused", () => {
    const space = searchSpace(mlp({ inputShape: [20], hidden: [12], classes: 3 }), { gates: "unit" });
    refuses(() => discretise(space, scoresOf(space, 1), { parameters: 5 }), "space/budget", /budget is 5 parameters/);
    refuses(() => discretise(space, scoresOf(space, 1), {}), "space/budget", /needs a density/);
    refuses(() => discretise(space, scoresOf(space, 1), { parameters: -3 }), "space/budget", /-3/);
  });
});

describe("a cut", () => {
  test("is refused, saying where, when an architecture is made of it", () => {
    const space = searchSpace(mlp({ inputShape: [6], hidden: [5, 4], classes: 3 }), { gates: "unit" });
    const mask = Uint8Array.from({ length: 9 }, (_, i) => (i < 5 ? 1 : 0));
    refuses(() => space.architecture(mask), "space/disconnected", /classes/);
    refuses(() => space.within(Array.from(mask), { density: 5 / 9, repair: false }), "space/disconnected", /classes/);
  });

  test("is mended by the best path, and the density is kept", () => {
    const space = searchSpace(mlp({ inputShape: [6], hidden: [5, 4], classes: 3 }), { gates: "unit" });
    const scores = [9, 8, 7, 6, 5, 1, 4, 2, 3];
    const { mask, opened, closed } = discretise(space, scores, { density: 5 / 9 });
    assert.deepEqual(opened, [6], "the best unit of the layer that was empty");
    assert.deepEqual(closed, [4], "the worst of those that were open");
    assert.equal(open(mask), 5);
    const architecture = space.within(scores, { density: 5 / 9 });
    assert.deepEqual(architecture.provenance.opened, [6]);
  });

  test("never remains after mending, whatever the scores and however few gates are kept", () => {
    const spaces = [
      searchSpace(resnet({ depth: 8, inputShape: [8, 8, 1], classes: 3, filters: 3 }), { gates: "unit" }),
      searchSpace(mlp({ inputShape: [10], hidden: [6, 6], classes: 3 }), { gates: "weight" }),
    ];
    for (const space of spaces) {
      for (let seed = 0; seed < 6; seed++) {
        const density = [0.02, 0.05, 0.1, 0.2, 0.4, 0.7][seed];
        try {
          const { density: met } = space.within(scoresOf(space, seed), { density });
          assert.equal(Math.round(met * space.gateCount), Math.max(1, Math.round(density * space.gateCount)));
        } catch (error) {
          assert.ok(error instanceof TwotempError && error.code === "space/budget", String(error));
          assert.match(error.message, /more than asked for: raise the density/);
          assert.ok(density <= 0.1, `density ${density} is enough for a path`);
        }
      }
    }
  });

  test("goes down to one path: the smallest residual network keeps its shortcuts alone", () => {
    const space = searchSpace(resnet({ depth: 8, inputShape: [8, 8, 1], classes: 3, filters: 3 }), { gates: "block" });
    const smallest = space.architecture(new Uint8Array(space.gateCount));
    assert.equal(smallest.compact().layers.filter((layer) => layer.getClassName() === "Add").length, 0);
    assert.ok(smallest.counts.parameters < space.full.parameters / 5);
  });
});
