import { before, describe, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { ready } from "../../lib/engine/index.js";
import { forward, gateSlots, searchSpace, type SearchSpace } from "../../lib/space/index.js";
import { expandGates, forwardSlots } from "../../lib/space/forward.js";
import { asTensors } from "../../lib/space/initialise.js";
import { assertClose, normalInputs, randomWeights } from "./compactionProperty.js";

type Config = Parameters<typeof tf.layers.batchNormalization>[0];

/**
 * A residual network whose branch ends in batch normalisation, gated as a block.
 *
 * @param between - a layer that does nothing keeps the gate from the normalisation
 * @param shared - the normalisation is read by a second layer, ungated
 */
function residual(norm: Config, { between, shared }: { between: boolean; shared: boolean }): SearchSpace {
  const input = tf.input({ shape: [5, 4, 3] });
  const stem = tf.layers.conv2d({ filters: 4, kernelSize: 1, name: "stem" }).apply(input) as tf.SymbolicTensor;
  // A bias would have no gradient but rounding: normalisation takes it out.
  const inner = tf.layers.conv2d({ filters: 4, kernelSize: 3, useBias: false, padding: "same" }).apply(stem);
  const branch = tf.layers.batchNormalization({ ...norm, name: "norm" }).apply(inner) as tf.SymbolicTensor;
  const end = between ? (tf.layers.activation({ activation: "linear" }).apply(branch) as tf.SymbolicTensor) : branch;
  const sum = tf.layers.add().apply([stem, end]) as tf.SymbolicTensor;
  const read = shared ? (tf.layers.multiply().apply([sum, branch]) as tf.SymbolicTensor) : sum;
  const flat = tf.layers.flatten().apply(read);
  const output = tf.layers.dense({ units: 3, name: "head" }).apply(flat) as tf.SymbolicTensor;
  return searchSpace(tf.model({ inputs: input, outputs: output }), { gates: "block" });
}

/** Outputs, and the gradients of a function of them for the gate and all weights that are trained. */
function outcome(space: SearchSpace, training: boolean): tf.Tensor[] {
  const { plan } = space;
  const weights = asTensors(plan.weights, randomWeights(plan, 3));
  const inputs = normalInputs(space.model, 6, 3);
  const trained = plan.weights.flatMap(({ trainable }, w) => (trainable ? [w] : []));
  const run = (...given: tf.Tensor[]): tf.Tensor => {
    const all = [...weights];
    trained.forEach((w, i) => (all[w] = given[i + 1]));
    return forward(plan, all, given[0] as tf.Tensor1D, inputs, { training })[0];
  };
  const given = [tf.fill([space.gateCount], 0.3), ...trained.map((w) => weights[w])];
  const { grads } = tf.valueAndGrads((...values: tf.Tensor[]) => tf.sum(tf.square(run(...values))))(given);
  return [run(...given), ...grads];
}

describe("steps of a sequence that don't count", () => {
  before(() => ready());

  const { layers } = tf;
  type Symbol = tf.SymbolicTensor;
  const models: Readonly<Record<string, (input: Symbol) => Symbol>> = {
    "by masking": (input) => layers.lstm({ units: 3 }).apply(layers.masking().apply(input)) as Symbol,
    "by masking, behind a dense layer": (input) => {
      const inner = layers.timeDistributed({ layer: layers.dense({ units: 4 }) }).apply(layers.masking().apply(input));
      return layers.gru({ units: 3 }).apply(inner) as Symbol;
    },
  };
  for (const [name, build] of Object.entries(models)) {
    test(`are left out as the model itself leaves them out, whole and compacted: ${name}`, () => {
      const input = tf.input({ shape: [5, 4] });
      const output = layers.dense({ units: 2 }).apply(build(input)) as Symbol;
      const model = tf.model({ inputs: input, outputs: output });
      const space = searchSpace(model, { gates: "unit" });
      const values = normalInputs(model, 6, 1)[0];
      // Two steps of each example are padding.
      const padded = tf.mul(values, tf.tensor([1, 1, 1, 0, 0], [1, 5, 1]));
      const mask = new Uint8Array(space.gateCount).fill(1);
      const whole = space.architecture(mask);
      assertClose(whole.predict(space.currentWeights(), padded)[0], model.predict(padded) as tf.Tensor, 1e-5, "whole");
      mask[1] = 0;
      const part = space.architecture(mask);
      const weights = part.initialise(1, "padding");
      const compacted = part.compact(weights).predict(padded) as tf.Tensor;
      assertClose(part.predict(weights, padded)[0], compacted, 1e-5, "compacted");
    });
  }

  test("are the zeros of an embedding that says so", () => {
    const input = tf.input({ shape: [5], dtype: "int32" });
    const embedded = layers.embedding({ inputDim: 7, outputDim: 3, maskZero: true }).apply(input);
    const output = layers.dense({ units: 2 }).apply(layers.gru({ units: 3 }).apply(embedded)) as Symbol;
    const model = tf.model({ inputs: input, outputs: output });
    const space = searchSpace(model, { gates: "unit" });
    const words = tf.tensor2d([3, 1, 6, 0, 0, 2, 0, 0, 0, 0], [2, 5], "int32");
    const whole = space.architecture(new Uint8Array(space.gateCount).fill(1));
    assertClose(whole.predict(space.currentWeights(), words)[0], model.predict(words) as tf.Tensor, 1e-5, "whole");
  });
});

describe("a gate on what batch normalisation gives", () => {
  before(() => ready());

  const norms: Readonly<Record<string, Config>> = {
    "as it is made": {},
    "without scale": { scale: false },
    "without offset": { center: false },
    "over another axis": { axis: 1 },
  };
  for (const [name, norm] of Object.entries(norms)) {
    for (const training of [true, false]) {
      for (const shared of [false, true]) {
        const when = `${training ? "in training" : "in use"}${shared ? ", read twice" : ""}`;
        test(`is one on its scale and offset: ${name}, ${when}`, () => {
          const found = [true, false].map((between) => outcome(residual(norm, { between, shared }), training));
          found[0].forEach((value, i) => assertClose(found[1][i], value, 1e-4, i === 0 ? "output" : `gradient ${i}`));
        });
      }
    }
  }

  test("isn't in the value that normalisation gives, where that is what is asked for", () => {
    const space = residual({}, { between: false, shared: false });
    const weights = asTensors(space.plan.weights, randomWeights(space.plan, 3));
    const inputs = normalInputs(space.model, 6, 3);
    const slots = gateSlots(space.plan);
    const norm = space.plan.calls.find(({ layer }) => layer.name === "norm")!;
    const [gated, plain] = [0.3, 1].map((gate) => {
      const { values } = expandGates(slots, tf.tensor1d([gate]));
      return forwardSlots(space.plan, slots, weights, values, inputs, { until: norm.outputs[0] })[0];
    });
    assertClose(gated, plain, 0, "the value");
  });
});
