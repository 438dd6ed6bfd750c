import * as tf from "@tensorflow/tfjs";
import { ownKernels } from "../engine/native.js";
import { type SparsePlaces, sparseProduct } from "../engine/sparseProduct.js";
import type { Architecture, SearchSpace } from "../space/index.js";
import type { ChainLink } from "./chain.js";
import type { RetrainingJob } from "./retrain.js";
import type { Labelled } from "./task.js";

/** Up to this part of a kernel, training with its entries alone was no slower at any size measured (bench/results/sparsity.md). */
const densest = (examples: number): number => (examples <= 128 ? 0.1 : 0.05);

/** The part of a chain that an architecture keeps. */
export interface KeptChain {
  /** Rows and columns of each kernel. */
  readonly inputs: readonly Int32Array[];
  readonly outputs: readonly Int32Array[];
  /** Of each kernel, which of its weights stay, where not all of these rows and columns do. */
  readonly masks: readonly (Uint8Array | undefined)[];
  /** Of each kernel, how many weights are computed with, and whether by their places. */
  readonly entries: readonly number[];
  readonly sparse: readonly boolean[];
}

/** A Dense layer of several models of equal shape. */
export interface StackedLink {
  /** [models, inputs, outputs], or, where few weights are left, these: [entries] */
  readonly kernel: tf.Tensor;
  /** [models, 1, outputs] */
  readonly bias: tf.Tensor3D | undefined;
  /** [models, inputs, outputs] */
  readonly mask: tf.Tensor3D | undefined;
  readonly places: SparsePlaces | undefined;
}

/** @param examples - how many it will be trained on */
export function keptChain(links: readonly ChainLink[], architecture: Architecture, examples: number): KeptChain {
  const { mask, space } = architecture;
  const { plan } = space;
  const inputs = links.map(({ call, kernel }) => {
    const size = plan.weights[kernel].shape[0];
    const gates = plan.calls[call].inputGates[0];
    const all = Int32Array.from({ length: size }, (_, i) => i);
    return gates ? all.filter((i) => gates.gateOf[i] < 0 || mask[gates.gateOf[i]] === 1) : all;
  });
  const classes = plan.weights[links.at(-1)!.kernel].shape[1];
  const outputs = [...inputs.slice(1), Int32Array.from({ length: classes }, (_, i) => i)];
  const whole = inputs.map((rows, l) => rows.length * outputs[l].length);
  // A unit whose weights are all closed says nothing to others, whatever its bias: it isn't in the compacted network.
  const kept = architecture.keep();
  const stay = links.map(({ kernel }) => kept[kernel]);
  const open = stay.map((own, l) => {
    const width = plan.weights[links[l].kernel].shape[1];
    let count = 0;
    for (const row of inputs[l]) for (const column of outputs[l]) count += own[row * width + column];
    return count;
  });
  const masks = stay.map((own, l) => (open[l] < whole[l] ? own : undefined));
  const sparse = open.map(
    (count, l) => count > 0 && count <= densest(examples) * whole[l] && ownKernels() !== undefined,
  );
  return { inputs, outputs, masks, entries: open.map((count, l) => (sparse[l] ? count : whole[l])), sparse };
}

/** Gathers rows and columns of a row-major matrix into `out` at `offset`. */
function gatherMatrix(
  matrix: ArrayLike<number>,
  width: number,
  rows: Int32Array,
  columns: Int32Array,
  factor: number,
  out: Float32Array,
  offset: number,
): void {
  let at = offset;
  for (const row of rows) {
    for (const column of columns) out[at++] = factor * matrix[row * width + column];
  }
}

/** Examples reduced to the kept inputs of each model, [models, count, inputs]. */
export function stackInputs(sets: readonly Labelled[], kept: readonly Int32Array[]): tf.Tensor3D {
  const { count } = sets[0];
  const width = kept[0].length;
  const out = new Float32Array(sets.length * count * width);
  sets.forEach(({ values }, b) => {
    const size = values.length / count;
    let at = b * count * width;
    for (let row = 0; row < count; row++) for (const i of kept[b]) out[at++] = values[row * size + i];
  });
  return tf.tensor3d(out, [sets.length, count, width]);
}

/**
 * The logits of every model of a stack on its own examples, [models, count, classes].
 *
 * @param first - the first link whose weights gradients are wanted of
 */
export function stackForward(
  links: readonly ChainLink[],
  stack: readonly StackedLink[],
  inputs: tf.Tensor3D,
  first: number = 0,
): tf.Tensor3D {
  let value: tf.Tensor = inputs;
  links.forEach((link, l) => {
    const { kernel, bias, mask, places } = stack[l];
    value = places
      ? sparseProduct(value as tf.Tensor3D, kernel as tf.Tensor1D, places, l > first)
      : tf.matMul(value, mask ? tf.mul(kernel, mask) : kernel);
    if (bias) value = tf.add(value, bias);
    if (l < links.length - 1) value = link.activate(value);
    for (const layer of link.activations) value = layer.call(value, {}) as tf.Tensor;
  });
  return value as tf.Tensor3D;
}

/** Some models of a stack. */
export function sliceStack(
  stack: readonly StackedLink[],
  chains: readonly KeptChain[],
  first: number,
  count: number,
): StackedLink[] {
  const slice = (tensor: tf.Tensor): tf.Tensor3D => tf.slice3d(tensor as tf.Tensor3D, [first, 0, 0], [count, -1, -1]);
  return stack.map(({ kernel, bias, mask, places }, l) => {
    const outputs = chains[0].outputs[l].length;
    return {
      // Places count from the start of the whole stack.
      kernel: places ? kernel : slice(kernel),
      bias: bias && slice(bias),
      mask: mask && slice(mask),
      places: places && { ...places, starts: tf.slice1d(places.starts, first * outputs, count * outputs + 1) },
    };
  });
}

/** The part of a weight's gates that is open, 1 if it has none. */
function openPart({ space: { plan }, mask }: Architecture, weight: number): number {
  const { gateOffset, shape } = plan.weights[weight];
  if (gateOffset === undefined) return 1;
  const size = shape[0] * shape[1];
  return mask.subarray(gateOffset, gateOffset + size).reduce((sum, bit) => sum + bit, 0) / size;
}

/** Initial weights of a stack: each model's own draw, its kept rows and columns, with the variance kept. */
export function initialStack(
  space: SearchSpace,
  links: readonly ChainLink[],
  jobs: readonly RetrainingJob[],
  chains: readonly KeptChain[],
  drawn: Map<string, Float32Array[]>,
): StackedLink[] {
  const draws = jobs.map(({ draw }) => {
    const key = JSON.stringify(draw);
    let weights = drawn.get(key);
    if (!weights) {
      weights = space.drawWeights(draw);
      drawn.set(key, weights);
    }
    return weights;
  });
  return links.map((link, l) => {
    const [fanIn, width] = space.plan.weights[link.kernel].shape;
    const [rows, columns] = [chains[0].inputs[l].length, chains[0].outputs[l].length];
    const shape: [number, number, number] = [jobs.length, rows, columns];
    const isSparse = chains[0].sparse[l];
    const kernel = new Float32Array(chains.reduce((sum, { entries }) => sum + entries[l], 0));
    const isMasked = !isSparse && chains.some(({ masks }) => masks[l]);
    const mask = isMasked ? new Float32Array(kernel.length).fill(1) : undefined;
    const starts = new Int32Array(jobs.length * columns + 1);
    const inputs = new Int32Array(isSparse ? kernel.length : 0);
    const bias = link.bias === undefined ? undefined : new Float32Array(jobs.length * columns);
    let offset = 0;
    chains.forEach((chain, b) => {
      const { [l]: own } = chain.masks;
      const openWeights = openPart(jobs[b].architecture, link.kernel);
      const factor = 1 / Math.sqrt(Math.max((rows / fanIn) * openWeights, 1 / (fanIn * width)));
      const [input, output] = [chain.inputs[l], chain.outputs[l]];
      // The head is always drawn; other weights may be given, and then are as they should be.
      const given = l < links.length - 1 ? jobs[b].weights : undefined;
      const values = (given ?? draws[b])[link.kernel];
      const scale = given ? 1 : factor;
      if (isSparse) {
        let at = offset;
        output.forEach((column, o) => {
          input.forEach((row, i) => {
            if (own![row * width + column] === 0) return;
            inputs[at] = i;
            kernel[at++] = scale * values[row * width + column];
          });
          starts[b * columns + o + 1] = at;
        });
      } else {
        gatherMatrix(values, width, input, output, scale, kernel, offset);
        if (mask && own) gatherMatrix(own, width, input, output, 1, mask, offset);
      }
      offset += chain.entries[l];
      if (bias) {
        for (const [i, column] of output.entries()) bias[b * columns + i] = (given ?? draws[b])[link.bias!][column];
      }
    });
    return {
      kernel: isSparse ? tf.tensor1d(kernel) : tf.tensor3d(kernel, shape),
      bias: bias && tf.tensor3d(bias, [jobs.length, 1, columns]),
      mask: mask && tf.tensor3d(mask, shape),
      places: isSparse ? { starts: tf.tensor1d(starts, "int32"), inputs: tf.tensor1d(inputs, "int32") } : undefined,
    };
  });
}
