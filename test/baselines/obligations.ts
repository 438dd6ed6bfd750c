import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import {
  type Architecture,
  type BaselineContext,
  baselines,
  type Candidate,
  dataset,
  type Dataset,
  mlp,
  operationNetwork,
  Random,
  ready,
  reasonOf,
  type SearchSpace,
  searchSpace,
  TrainedModels,
} from "../../lib/index.js";

/** The digits 0 to 4, with the engine ready. */
export async function openDigits(): Promise<Dataset> {
  await ready();
  return (await dataset("digits:0-4")).standardised();
}

/** A network whose second layer is added to its first, so that their units agree. */
function residual(): tf.LayersModel {
  const input = tf.input({ shape: [8, 8, 1] });
  const dense = (name: string, units: number, value: tf.SymbolicTensor): tf.SymbolicTensor =>
    tf.layers
      .dense({ name, units, activation: "relu", kernelInitializer: "heNormal" })
      .apply(value) as tf.SymbolicTensor;
  const first = dense("first", 8, tf.layers.flatten({ name: "flat" }).apply(input) as tf.SymbolicTensor);
  const branch = dense("second", 8, dense("inner", 6, first));
  const sum = tf.layers.add({ name: "sum" }).apply([first, branch]) as tf.SymbolicTensor;
  const classes = tf.layers.dense({ units: 5, activation: "softmax", name: "classes" });
  const output = classes.apply(dense("last", 7, sum)) as tf.SymbolicTensor;
  return tf.model({ inputs: input, outputs: output });
}

const perceptron = (): tf.LayersModel => mlp({ inputShape: [8, 8, 1], hidden: [16, 12], classes: 5 });
const operations = ["conv3", "depthwise3", "max3", "average3", "skip"];
const stages = [
  { name: "stem", operations: ["conv3"], filters: 4, stride: 2 },
  { name: "first", operations },
  { name: "second", operations, stride: 2 },
  { name: "third", operations },
];

/** Ten repeated layers, each of which may be left out. */
const hidden = [6, 6, 6, 6, 6, 6, 8, 8, 8, 8, 8, 8];

/** A space of each granularity. */
export const spaces: Record<string, () => SearchSpace> = {
  input: () => searchSpace(perceptron(), { gates: "input" }),
  weight: () => searchSpace(perceptron(), { gates: "weight" }),
  unit: () => searchSpace(perceptron(), { gates: "unit" }),
  "coupled unit": () => searchSpace(residual(), { gates: "unit" }),
  op: () => searchSpace(operationNetwork({ inputShape: [8, 8, 1], stages, classes: 5 }), { gates: "op" }),
  block: () => searchSpace(mlp({ inputShape: [8, 8, 1], hidden, classes: 5 }), { gates: "block" }),
};

/** A space with two learned architectures of it, which tell how they were searched. */
export function contextOf(source: Dataset, gates: string, seed: number): BaselineContext {
  const space = spaces[gates]();
  const density = gates === "op" ? 0.4 : 0.3;
  const settings = { density, steps: 8, batch: 16, seed };
  const learned: Architecture[] = [0, 1].map((s) =>
    space.within(new Random(s, "learned").uniforms(space.gateCount), { density }, { settings }),
  );
  const trained = new TrainedModels(space, source, { steps: 8, batch: 16, stepSize: 0.003, seed });
  return { space, source, learned, randomCount: 3, seed, trained };
}

const hashes = (candidates: readonly Candidate[]): string[] => candidates.map(({ architecture }) => architecture.hash);
export const total = (mask: Uint8Array): number => mask.reduce((sum, gate) => sum + gate, 0);

/** Arms that are the whole model. */
const whole = new Set(["full", "fine-tuned", "linear-probe"]);
/** Arms that follow from the learned architecture's cost alone. */
const unseeded = new Set(["full", "small-parameters", "small-multiply-adds", "linear-inputs"]);
/** Arms that are designed by hand and cost what they cost. */
const handMade = new Set(["lenet", "scattering", "linear-inputs"]);

/** Arms that are drawn as alternatives to what they are matched with. */
const drawn = new Set(["random", "random-operations", "shuffled", "inverted"]);

/** What an arm may cost beside the architecture that it is matched with. */
function checkCost(name: string, gates: string, { architecture }: Candidate, match: Architecture): void {
  const { counts, space } = architecture;
  if (whole.has(name)) {
    assert.deepEqual(counts, space.full);
  } else if (handMade.has(name)) {
    assert.ok(counts.parameters > 0);
  } else if (name.startsWith("small-")) {
    const measure = name === "small-parameters" ? "parameters" : "multiplyAdds";
    const unit = Math.max(...space.gateSavings(measure));
    assert.ok(Math.abs(counts[measure] - match.counts[measure]) <= unit, "as close as whole units allow");
  } else if (gates === "input" || gates === "weight") {
    assert.equal(total(architecture.mask), total(match.mask), "keeps as many gates");
    if (gates === "input") assert.equal(counts.parameters, match.counts.parameters, "costs the same");
  } else if (name === "shuffled") {
    for (const { name: group } of space.groups) {
      assert.equal(total(architecture.group(group)), total(match.group(group)), "keeps as many of each group");
    }
  } else if (gates.endsWith("unit")) {
    const closed = Array.from(architecture.mask.keys()).filter((gate) => !architecture.mask[gate]);
    const unit = Math.min(
      ...closed.map((gate) => {
        const wider = architecture.mask.slice();
        wider[gate] = 1;
        return space.count(wider).parameters - counts.parameters;
      }),
    );
    assert.ok(Math.abs(counts.parameters - match.counts.parameters) <= unit, "as close as whole units allow");
  } else if (name === "random") {
    assert.equal(total(architecture.mask), total(match.mask), "keeps as many gates");
    const { asked, kept } = architecture.provenance as Record<string, { parameters: number }>;
    assert.deepEqual([asked.parameters, kept.parameters], [match.counts.parameters, counts.parameters]);
  } else {
    assert.ok(counts.parameters <= match.counts.parameters, "costs no more parameters");
    assert.ok(counts.multiplyAdds <= match.counts.multiplyAdds, "costs no more multiply-adds");
  }
}

/**
 * Baselines whose obligations are slow tests with all gates: those that score many architectures or many times, and those that
 * search again, but for one.
 */
export const lengthy: readonly string[] = [
  "synflow",
  "best-random",
  "mirror",
  "adam",
  "hard-concrete",
  "reinforce",
  "straight-through",
];

/** Tests what every baseline owes, whatever it is, with gates of the given kinds. */
export function testObligations(
  source: () => Dataset,
  kinds: readonly string[],
  names: readonly string[] = Object.keys(baselines),
): void {
  for (const name of names) {
    const baseline = baselines[name];
    describe(name, () => {
      for (const gates of kinds) {
        test(`with ${gates} gates`, async (t) => {
          const context = contextOf(source(), gates, 0);
          let reason = baseline.refuses(context.space, context.learned);
          let made: Candidate[] = [];
          if (reason === undefined) {
            try {
              made = await baseline.candidates(context);
            } catch (error) {
              reason = reasonOf(error);
              if (reason === undefined) throw error;
            }
          }
          if (reason !== undefined) {
            assert.match(reason, /\w{3} \w{2}/);
            t.diagnostic(`refuses ${gates} gates: ${reason}`);
            return;
          }
          assert.ok(made.length > 0);
          const again = await baseline.candidates(contextOf(source(), gates, 0));
          assert.deepEqual(hashes(again), hashes(made), "repeats itself");
          assert.deepEqual(
            again.map(({ weights }) => weights),
            made.map(({ weights }) => weights),
            "with the same weights",
          );
          const others = made.filter(({ architecture }, i) => architecture.hash !== context.learned[i % 2].hash);
          // What is drawn always differs from what it is matched with; what is scored may agree by chance.
          if (drawn.has(name)) assert.equal(others.length, made.length);
          // What is retrained otherwise keeps the architecture.
          assert.ok(others.length > 0 || made.every(({ weights }) => weights), "changes something");
          for (const [i, candidate] of made.entries()) {
            const match = context.learned[i % context.learned.length];
            checkCost(name, gates, candidate, match);
            const { architecture, weights } = candidate;
            weights?.forEach((values, w) => {
              const size = architecture.space.plan.weights[w].shape.reduce((product, extent) => product * extent, 1);
              assert.equal(values.length, size, "has the weights of its space");
            });
            // Gates that are coupled fall together, so what is left is a network that can be built.
            const compacted = architecture.compact();
            const closed = architecture.groups.some(({ kind }) => kind === "weight");
            const held = searchSpace(compacted, { gates: () => "none" }).full.parameters;
            if (!closed) assert.equal(held, architecture.counts.parameters, "is the network that it is said to be");
            compacted.dispose();
          }
          if (!unseeded.has(name)) {
            const other = await baseline.candidates(contextOf(source(), gates, 1));
            const sums = ([{ weights }]: readonly Candidate[]): string =>
              JSON.stringify(weights?.map((values) => values.reduce((sum, value) => sum + value, 0)));
            const differs = made.some(({ weights }) => weights)
              ? sums(other) !== sums(made)
              : hashes(other).join() !== hashes(made).join();
            assert.ok(differs, "differs by seed");
          }
        });
      }
    });
  }
}
