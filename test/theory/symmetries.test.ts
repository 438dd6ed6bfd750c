import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Random } from "../../lib/engine/index.js";
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
    // Gates on weights that read the units tell them apart.
    const mixed = [groups[1], { kind: "weight", offset: 5, size: 1 }].map((group, g) => ({ ...group, offset: 3 * g }));
    assert.equal(sameLaw([1, 0, 0, 1], [0, 1, 0, 1], mixed), false);
    assert.equal(sameLaw([1, 0, 0, 1], [1, 0, 0, 1], mixed), true);
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
});
