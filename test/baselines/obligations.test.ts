import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import {
  type Architecture,
  type Baseline,
  type BaselineContext,
  controls,
  dataset,
  type Dataset,
  mlp,
  Random,
  ready,
  type SearchSpace,
  searchSpace,
  TrainedModels,
} from "../../lib/index.js";

let source: Dataset;

before(async () => {
  await ready();
  source = (await dataset("digits:0-4")).standardised();
});

/** A space with two learned architectures of it. */
function contextOf(gates: "input" | "weight" | "unit", seed: number): BaselineContext {
  const space: SearchSpace = searchSpace(mlp({ inputShape: source.inputShape, hidden: [16, 12], classes: 5 }), {
    gates,
  });
  const learned: Architecture[] = [0, 1].map((s) =>
    space.keepLargest(new Random(s, "learned").uniforms(space.gateCount), 0.3),
  );
  const trained = new TrainedModels(space, source, { steps: 60, batch: 32, stepSize: 0.003, seed });
  return { space, source, learned, randomCount: 5, seed, trained };
}

const hashes = (architectures: readonly Architecture[]): string[] => architectures.map(({ hash }) => hash);
const kept = ({ mask }: Architecture): number => mask.reduce((sum, gate) => sum + gate, 0);

// What every control owes, whatever it is.
for (const baseline of controls satisfies readonly Baseline[]) {
  describe(baseline.name, () => {
    for (const gates of ["input", "weight", "unit"] as const) {
      test(`with ${gates} gates`, async (t) => {
        const context = contextOf(gates, 0);
        const reason = baseline.refuses(context.space);
        if (reason !== undefined) {
          assert.match(reason, /\w{3}/);
          t.diagnostic(`refuses ${gates} gates: ${reason}`);
          return;
        }
        const made = await baseline.architectures(context);
        assert.ok(made.length > 0);
        assert.deepEqual(hashes(await baseline.architectures(contextOf(gates, 0))), hashes(made), "repeats itself");
        const learned = new Set(hashes(context.learned));
        assert.ok(
          made.every(({ hash }) => !learned.has(hash)),
          "is none of the learned",
        );
        if (baseline.name === "full") {
          assert.deepEqual(made[0].counts, context.space.full);
          return;
        }
        const other = await baseline.architectures(contextOf(gates, 1));
        assert.notDeepEqual(hashes(other), hashes(made), "differs by seed");
        assert.equal(new Set(hashes(made)).size, made.length, "no architecture twice");
        for (const [i, architecture] of made.entries()) {
          const match = context.learned[i % context.learned.length];
          assert.equal(kept(architecture), kept(match), "keeps as many gates");
          if (gates === "input")
            assert.equal(architecture.counts.parameters, match.counts.parameters, "costs the same");
        }
      });
    }
  });
}

test("a random architecture of unit gates costs what the learned one costs", async () => {
  const context = contextOf("unit", 0);
  const random = controls.find(({ name }) => name === "random")!;
  for (const [i, { counts }] of (await random.architectures(context)).entries()) {
    assert.deepEqual(counts, context.learned[i % 2].counts);
  }
});

test("a shuffle keeps the density of every group", async () => {
  const context = contextOf("weight", 0);
  const shuffled = controls.find(({ name }) => name === "shuffled")!;
  for (const [i, architecture] of (await shuffled.architectures(context)).entries()) {
    for (const { name } of context.space.groups) {
      const open = (mask: Uint8Array): number => mask.reduce((sum, gate) => sum + gate, 0);
      assert.equal(open(architecture.group(name)), open(context.learned[i].group(name)));
    }
  }
});

test("random inputs that vary never take one that doesn't", async () => {
  const context = contextOf("input", 0);
  const varying = controls.find(({ name }) => name === "random-varying")!;
  const { train, inputSize } = source;
  for (const { mask } of await varying.architectures(context)) {
    for (const [i, open] of mask.entries()) {
      if (!open) continue;
      const values = new Set(Array.from({ length: train.count }, (_, row) => train.inputs[row * inputSize + i]));
      assert.ok(values.size > 1, `input ${i} is constant`);
    }
  }
});
