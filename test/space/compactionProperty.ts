import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { Random } from "../../lib/engine/index.js";
import { TwotempError } from "../../lib/errors.js";
import { FixedLayer } from "../../lib/models/index.js";
import {
  Architecture,
  forward,
  type GateSelector,
  type Plan,
  searchSpace,
  type SearchSpace,
} from "../../lib/space/index.js";

/** Random weights: biases and statistics too, so that nothing is zero by accident. */
export function randomWeights(plan: Plan, seed: number): Float32Array[] {
  return plan.weights.map(({ name, shape }, w) => {
    const random = new Random(seed, "weights", w);
    const size = shape.reduce((product, extent) => product * extent, 1);
    const fanIn = Math.max(1, size / (shape.at(-1) ?? 1));
    if (name.endsWith("moving_variance")) return random.uniforms(size, 0.5, 2);
    if (name.endsWith("gamma")) return random.uniforms(size, 0.5, 1.5);
    return random.normals(size, shape.length > 1 ? Math.sqrt(2 / fanIn) : 0.3);
  });
}

const tensorsOf = (plan: Plan, values: readonly Float32Array[]): tf.Tensor[] =>
  plan.weights.map(({ shape }, w) => tf.tensor(values[w], shape as number[]));

/** The weights that the architecture has; variances stay whole, as no output depends on the others. */
export const keptWeights = (architecture: Architecture, weights: readonly Float32Array[]): Float32Array[] =>
  architecture.keep().map((keep, w) => {
    const all = architecture.space.plan.weights[w].name.endsWith("moving_variance");
    return weights[w].map((value, i) => (keep[i] || all ? value : 0));
  });

export function assertClose(
  actual: tf.Tensor,
  expected: tf.Tensor,
  relative: number,
  what: string,
  least: number = 1e-3,
): void {
  assert.deepEqual(actual.shape, expected.shape, what);
  const [a, b] = [actual.dataSync(), expected.dataSync()];
  const scale = Math.max(least, ...b.map(Math.abs));
  for (let i = 0; i < a.length; i++) {
    assert.ok(Math.abs(a[i] - b[i]) <= relative * scale, `${what}: ${a[i]} is not ${b[i]} at ${i} (scale ${scale})`);
  }
}

/** Counts of a compacted model, from its layers alone. */
export function countModel(model: tf.LayersModel): { parameters: number; multiplyAdds: number } {
  let parameters = 0;
  let multiplyAdds = 0;
  const product = (shape: readonly (number | null)[]): number =>
    shape.reduce<number>((all, extent) => all * (extent ?? 1), 1);
  for (const layer of model.layers) {
    const values = layer.getWeights().map((weight) => weight.dataSync());
    const nonzero = (w: number): number => values[w].filter((value) => value !== 0).length;
    layer.weights.forEach((weight, w) => {
      if (!weight.name.includes("moving_")) parameters += nonzero(w);
    });
    const nodes = (
      layer as unknown as { inboundNodes: { inputShapes: number[][]; outputShapes: number[] | number[][] }[] }
    ).inboundNodes;
    for (const { inputShapes, outputShapes } of nodes) {
      const positionsIn = product((inputShapes[0] ?? []).slice(1, -1));
      const output = (Array.isArray(outputShapes[0]) ? outputShapes[0] : outputShapes) as number[];
      const positionsOut = product(output.slice(1, -1));
      const className = layer.getClassName();
      if (layer instanceof FixedLayer && "multiplyAdds" in layer) {
        multiplyAdds += (layer.multiplyAdds as (shape: number[]) => number)(inputShapes[0].slice(1));
      }
      const all = layer.weights.reduce((sum, { shape }, w) => sum + (shape.length > 1 ? nonzero(w) : 0), 0);
      if (/^(Dense|Conv\dDTranspose|SimpleRNN|GRU|LSTM|RNN|Bidirectional|TimeDistributed)$/.test(className)) {
        multiplyAdds += positionsIn * all;
      } else if (/^(Conv\dD|DepthwiseConv2D|SeparableConv2D)$/.test(className)) multiplyAdds += positionsOut * all;
      else if (className === "ConvLSTM2D") multiplyAdds += inputShapes[0][1] * positionsOut * all;
    }
  }
  return { parameters, multiplyAdds };
}

/** A random vertex, or undefined if it cuts the network. */
export function randomArchitecture(space: SearchSpace, density: number, seed: number): Architecture | undefined {
  const random = new Random(seed, "mask");
  const mask = Array.from({ length: space.gateCount }, () => (random.uniform() < density ? 1 : 0));
  try {
    return space.architecture(mask);
  } catch (error) {
    if (error instanceof TwotempError && error.code === "space/disconnected") return undefined;
    throw error;
  }
}

/** One batch of normal numbers for each input. */
export const normalInputs = (model: tf.LayersModel, batch: number, seed: number): tf.Tensor[] =>
  model.inputs.map(({ shape }, i) => {
    const rest = shape.slice(1) as number[];
    const size = batch * rest.reduce((product, extent) => product * extent, 1);
    return tf.tensor(new Random(seed, "input", i).normals(size), [batch, ...rest]);
  });

/** How {@link checkArchitecture} compares. */
interface CheckOptions {
  readonly training?: boolean;
  readonly trainingTolerance?: number;
  readonly gradientTolerance?: number;
  readonly inputsOf?: typeof normalInputs;
}

/**
 * As {@link checkArchitecture} at a random vertex.
 *
 * @returns false if the vertex cuts the network, so that there was nothing to compare
 */
export function checkCompaction(
  model: tf.LayersModel,
  gates: GateSelector,
  density: number,
  seed: number,
  options: CheckOptions = {},
): boolean {
  const architecture = randomArchitecture(searchSpace(model, { gates }), density, seed);
  if (architecture) checkArchitecture(architecture, seed, options);
  return architecture !== undefined;
}

/**
 * Masked equals compacted: outputs, in inference and training, and gradients; counts are those of the compacted model;
 * JSON gives the same architecture again.
 */
export function checkArchitecture(
  architecture: Architecture,
  seed: number,
  { training = true, trainingTolerance = 1e-5, gradientTolerance = 1e-4, inputsOf = normalInputs }: CheckOptions = {},
): void {
  const { space } = architecture;
  const { model } = space;
  tf.tidy(() => {
    const values = keptWeights(architecture, randomWeights(space.plan, seed));
    const compacted = architecture.compact(values);
    const plain = searchSpace(compacted, { gates: () => "none" });
    const batch = 6;
    const inputs = inputsOf(model, batch, seed);
    const weights = tensorsOf(space.plan, values);
    const gateTensor = tf.tensor1d(Float32Array.from(architecture.mask));
    const smallWeights = tensorsOf(plain.plan, plain.currentWeights());

    const masked = architecture.predict(values, ...inputs);
    const predicted = compacted.predict(inputs.length === 1 ? inputs[0] : inputs);
    const compactOutputs = Array.isArray(predicted) ? predicted : [predicted];
    compactOutputs.forEach((output, i) => assertClose(output, masked[i], 1e-5, `output ${i}`));

    if (training) {
      const loss = (outputs: tf.Tensor[]): tf.Scalar =>
        tf.addN(
          outputs.map((output, i) => {
            const weight = tf.tensor(new Random(seed, "readout", i).normals(output.size), output.shape);
            return tf.sum(tf.mul(output, weight)) as tf.Scalar;
          }),
        ) as tf.Scalar;
      // Every weight enters, so that unused ones have a gradient of zero.
      const with0 = (value: tf.Scalar, given: tf.Tensor[]): tf.Scalar =>
        tf.addN([value, ...given.map((weight) => tf.mul(tf.sum(weight), 0) as tf.Scalar)]);
      const trainMasked = tf.grads((...given: tf.Tensor[]) =>
        with0(
          loss(forward(space.plan, given, gateTensor, inputs, { scaleByOpenFraction: false, training: true })),
          given,
        ),
      )(weights);
      const trainCompact = tf.grads((...given: tf.Tensor[]) =>
        with0(loss(forward(plain.plan, given, undefined, inputs, { training: true })), given),
      )(smallWeights);
      const [a, b] = [
        forward(space.plan, weights, gateTensor, inputs, { scaleByOpenFraction: false, training: true }),
        forward(plain.plan, smallWeights, undefined, inputs, { training: true }),
      ];
      a.forEach((output, i) => assertClose(b[i], output, trainingTolerance, `training output ${i}`));
      const origins = architecture.origins();
      const keep = architecture.keep();
      // A bias in front of a batch normalisation has a gradient of zero, up to the rounding of the others.
      const largest = Math.max(...trainMasked.map((gradient) => Math.max(...gradient.dataSync().map(Math.abs))));
      plain.plan.weights.forEach(({ name, trainable }, w) => {
        if (!trainable) return;
        const origin = origins.get(name);
        assert.ok(origin, `${name} has an origin`);
        const whole = trainMasked[origin.weight].dataSync();
        const kept = keep[origin.weight];
        const expected = Float32Array.from(origin.entries, (entry) => (kept[entry] ? whole[entry] : 0));
        const own = trainCompact[w].dataSync().map((value, i) => (kept[origin.entries[i]] ? value : 0));
        assertClose(tf.tensor1d(own), tf.tensor1d(expected), gradientTolerance, `gradient of ${name}`, largest);
      });
    }
    const { parameters, multiplyAdds, activationBytes } = architecture.counts;
    assert.deepEqual({ parameters, multiplyAdds }, countModel(compacted), "counts");
    assert.equal(activationBytes, plain.full.activationBytes, "activation bytes");

    const again = Architecture.fromJSON(JSON.stringify(architecture), space);
    assert.equal(again.hash, architecture.hash);
    assert.deepEqual(again.mask, architecture.mask);
    compacted.dispose();
  });
}
