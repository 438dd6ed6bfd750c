import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { Dataset } from "../../lib/data/index.js";
import { Random, ready } from "../../lib/engine/index.js";
import { mlp } from "../../lib/models/index.js";
import { type WeightStrategyName, weightStrategies } from "../../lib/search/strategies/index.js";
import { searchSpace } from "../../lib/space/index.js";
import { gateSlots } from "../../lib/space/forward.js";
import { labelDependence, sameLaw } from "../../lib/theory/index.js";

/** A network of one hidden layer, tanh units with gates, and the cross entropy of one example. */
interface Network {
  readonly hidden: readonly Float32Array[];
  readonly head: readonly Float32Array[];
}

function draw(inputs: number, units: number, classes: number, seed: number): Network {
  const random = new Random(seed, "network");
  return {
    hidden: Array.from({ length: units }, () => random.normals(inputs)),
    head: Array.from({ length: classes }, () => random.normals(units)),
  };
}

function crossEntropy({ hidden, head }: Network, x: ArrayLike<number>, a: ArrayLike<number>, label: number): number {
  const units = hidden.map((row) => Math.tanh(row.reduce((sum, w, i) => sum + w * a[i] * x[i], 0)));
  const outputs = head.map((row) => row.reduce((sum, w, i) => sum + w * units[i], 0));
  return Math.log(outputs.reduce((sum, z) => sum + Math.exp(z), 0)) - outputs[label];
}

/** Every order of 0 to n - 1. */
function permutations(n: number): number[][] {
  if (n === 0) return [[]];
  return permutations(n - 1).flatMap((rest) =>
    Array.from({ length: n }, (_, at) => [...rest.slice(0, at), n - 1, ...rest.slice(at)]),
  );
}

describe("Proposition 6", () => {
  test("only the number of kept units of a layer matters, and everything of other gates", () => {
    const groups = [
      { kind: "input", offset: 0, size: 2 },
      { kind: "unit", offset: 2, size: 3 },
      { kind: "unit", offset: 5, size: 2 },
    ];
    assert.equal(sameLaw([1, 0, 1, 0, 0, 1, 0], [1, 0, 0, 0, 1, 0, 1], groups), true);
    assert.equal(sameLaw([1, 0, 1, 0, 0, 1, 0], [0, 1, 1, 0, 0, 1, 0], groups), false);
    assert.equal(sameLaw([1, 0, 1, 1, 0, 0, 0], [1, 0, 1, 0, 0, 1, 0], groups), false);
    assert.throws(() => sameLaw([1], [1, 0], groups), { code: "theory/mask" });
  });

  test("a shuffled unit mask is the same network with its weights shuffled: equal in law", () => {
    const x = [0.3, -0.8, 0.5];
    const masked = ({ hidden, head }: Network, mask: readonly number[]): Network => ({
      hidden,
      head: head.map((row) => row.map((w, u) => w * mask[u])),
    });
    const network = draw(3, 4, 3, 1);
    const mask = [1, 1, 0, 0];
    for (const order of permutations(4)) {
      const shuffledWeights = {
        hidden: order.map((u) => network.hidden[u]),
        head: network.head.map((row) => Float32Array.from(order, (u) => row[u])),
      };
      const shuffledMask = order.map((u) => mask[u]);
      const [a, b] = [masked(network, mask), masked(shuffledWeights, shuffledMask)].map((n) =>
        crossEntropy(n, x, [1, 1, 1], 0),
      );
      assert.ok(Math.abs(a - b) < 1e-12);
    }
    // The same weights under another mask are another network: it is the law that is the same.
    assert.ok(
      Math.abs(
        crossEntropy(masked(network, [0, 1, 1, 0]), x, [1, 1, 1], 0) -
          crossEntropy(masked(network, mask), x, [1, 1, 1], 0),
      ) > 1e-3,
    );
  });
});

describe("Proposition 7", () => {
  const inputs = Array.from({ length: 6 }, (_, k) => new Random(k, "example").normals(3));
  const labellings = [
    [0, 1, 2, 0, 1, 2],
    [2, 2, 0, 1, 1, 0],
    [0, 0, 0, 0, 0, 0],
    [1, 0, 0, 2, 1, 2],
  ];

  /** The gates' gradient at half-open gates, averaged over networks. */
  function expectedGradient(networks: readonly Network[], labels: readonly number[]): number[] {
    const objective = (a: readonly number[]): number =>
      networks.reduce(
        (sum, network) => sum + inputs.reduce((s, x, k) => s + crossEntropy(network, x, a, labels[k]), 0),
        0,
      ) / networks.length;
    return [0, 1, 2].map((i) => {
      const at = (h: number): number => objective([0, 1, 2].map((k) => 0.5 + (k === i ? h : 0)));
      return (at(1e-4) - at(-1e-4)) / 2e-4;
    });
  }

  test("heads drawn anew leave no trace of the labels; one head does", () => {
    const one = draw(3, 5, 3, 2);
    // The mean over all orders of the output units is the expectation, up to the part that is symmetric already.
    const redrawn = permutations(3).map((order) => ({ hidden: one.hidden, head: order.map((c) => one.head[c]) }));
    const dependence = (networks: readonly Network[]): number =>
      labelDependence(labellings.map((labels) => expectedGradient(networks, labels)));
    assert.ok(dependence(redrawn) < 1e-6);
    assert.ok(dependence([one]) > 0.1);
  });

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
        weightStepSize: 0.01,
        episode: { shots: 5, queries: 10, ways: undefined },
      });
      const rows = Array.from({ length: 100 }, (_, step) => {
        const { loss, gateGradient } = strategy.evaluate(step, gates);
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
    assert.ok(difference("resample") < 4, `resample ${difference("resample")}`);
    for (const name of ["episode", "reset", "joint"] as const)
      assert.ok(difference(name) > 5, `${name} ${difference(name)}`);
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
