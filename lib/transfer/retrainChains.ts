import { setImmediate } from "node:timers/promises";
import * as tf from "@tensorflow/tfjs";
import { Adam, compiled, softmaxCrossEntropy } from "../engine/index.js";
import type { SearchSpace } from "../space/index.js";
import type { ChainLink } from "./chain.js";
import type { Labelled } from "./task.js";
import type { RetrainingJob, RetrainOptions } from "./retrain.js";

/** Most weights and activations that one stack of models may hold, in numbers. */
const stackLimit = 24e6;

/** The part of a chain that an architecture keeps: rows and columns of each kernel, and its weight mask. */
interface KeptChain {
  readonly inputs: readonly Int32Array[];
  readonly outputs: readonly Int32Array[];
  readonly masks: readonly (Uint8Array | undefined)[];
}

/** One stacked Dense layer: `kernel` [models, inputs, outputs], `bias` [models, 1, outputs], `mask` as the kernel. */
interface StackedLink {
  readonly kernel: tf.Tensor3D;
  readonly bias: tf.Tensor3D | undefined;
  readonly mask: tf.Tensor3D | undefined;
}

function keptChain(space: SearchSpace, links: readonly ChainLink[], mask: Uint8Array): KeptChain {
  const { plan } = space;
  const inputs = links.map(({ call, kernel }) => {
    const size = plan.weights[kernel].shape[0];
    const gates = plan.calls[call].inputGates[0];
    const all = Int32Array.from({ length: size }, (_, i) => i);
    return gates ? all.filter((i) => gates.gateOf[i] < 0 || mask[gates.gateOf[i]] === 1) : all;
  });
  const classes = plan.weights[links.at(-1)!.kernel].shape[1];
  const outputs = [...inputs.slice(1), Int32Array.from({ length: classes }, (_, i) => i)];
  const masks = links.map(({ kernel }) => {
    const { gateOffset, shape } = plan.weights[kernel];
    return gateOffset === undefined ? undefined : mask.subarray(gateOffset, gateOffset + shape[0] * shape[1]);
  });
  return { inputs, outputs, masks };
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
function stackInputs(sets: readonly Labelled[], kept: readonly Int32Array[]): tf.Tensor3D {
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

/** The logits of every model of a stack on its own examples, [models, count, classes]. */
function stackForward(links: readonly ChainLink[], stack: readonly StackedLink[], inputs: tf.Tensor3D): tf.Tensor3D {
  let value: tf.Tensor = inputs;
  links.forEach((link, l) => {
    const { kernel, bias, mask } = stack[l];
    value = tf.matMul(value, mask ? tf.mul(kernel, mask) : kernel);
    if (bias) value = tf.add(value, bias);
    if (l < links.length - 1) value = link.activate(value);
    for (const layer of link.activations) value = layer.call(value, {}) as tf.Tensor;
  });
  return value as tf.Tensor3D;
}

/** Initial weights of a stack: each model's own draw, its kept rows and columns, with the variance kept. */
function initialStack(
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
    const kernel = new Float32Array(jobs.length * rows * columns);
    const mask = chains[0].masks[l] && new Float32Array(kernel.length);
    const bias = link.bias === undefined ? undefined : new Float32Array(jobs.length * columns);
    chains.forEach((chain, b) => {
      const { [l]: own } = chain.masks;
      const openWeights = own ? own.reduce((sum, bit) => sum + bit, 0) / own.length : 1;
      const open = Math.max((rows / fanIn) * openWeights, 1 / (fanIn * width));
      const [input, output] = [chain.inputs[l], chain.outputs[l]];
      const offset = b * rows * columns;
      // The head is always drawn; other weights may be given, and then are as they should be.
      const given = l < links.length - 1 ? jobs[b].weights : undefined;
      const values = given ?? draws[b];
      gatherMatrix(values[link.kernel], width, input, output, given ? 1 : 1 / Math.sqrt(open), kernel, offset);
      if (mask && own) gatherMatrix(own, width, input, output, 1, mask, offset);
      if (bias) for (const [i, column] of output.entries()) bias[b * columns + i] = values[link.bias!][column];
    });
    return {
      kernel: tf.tensor3d(kernel, shape),
      bias: bias && tf.tensor3d(bias, [jobs.length, 1, columns]),
      mask: mask && tf.tensor3d(mask, shape),
    };
  });
}

/** Trains the models of a stack together, each on its own support set, and returns the trained stack. */
async function trainStack(
  links: readonly ChainLink[],
  start: readonly StackedLink[],
  jobs: readonly RetrainingJob[],
  chains: readonly KeptChain[],
  options: RetrainOptions,
): Promise<{ stack: StackedLink[]; adam: Adam }> {
  const classes = jobs[0].task.classCount;
  const inputs = stackInputs(
    jobs.map(({ task }) => task.support),
    chains.map((chain) => chain.inputs[0]),
  );
  const labels = tf.tidy(() => {
    const all = new Int32Array(jobs.length * jobs[0].task.support.count);
    jobs.forEach(({ task }, b) => all.set(task.support.labels, b * task.support.count));
    return tf.cast(tf.oneHot(tf.tensor1d(all, "int32"), classes), "float32") as tf.Tensor2D;
  });
  // Jobs of one stack agree on what is trained.
  const first = jobs[0].frozen ? links.length - 1 : 0;
  const tensors = (stack: readonly StackedLink[]): tf.Tensor[] =>
    stack.flatMap(({ kernel, bias }) => (bias ? [kernel, bias] : [kernel]));
  const withTensors = (values: readonly tf.Tensor[], masks: readonly (tf.Tensor | undefined)[]): StackedLink[] => {
    let next = 0;
    return start.map(({ bias }, l) => ({
      kernel: values[next++] as tf.Tensor3D,
      bias: bias && (values[next++] as tf.Tensor3D),
      mask: masks[l] as tf.Tensor3D | undefined,
    }));
  };
  const masks = start.map(({ mask }) => mask);
  const parameters = tensors(start.slice(first));
  const frozen = tensors(start.slice(0, first));
  const adam = new Adam(parameters, { stepSize: options.learningRate });
  const given = [inputs, labels, ...frozen, ...masks.filter((mask) => mask !== undefined)];
  // The mean over all examples of all models; times their number, it is the sum of the models' own losses.
  const gradient = compiled((...all) => {
    const [ownInputs, ownLabels, ...rest] = all.slice(parameters.length);
    const ownMasks = rest.slice(frozen.length);
    const eachMask = masks.map((mask) => mask && ownMasks.shift());
    const loss = (...values: tf.Tensor[]): tf.Scalar => {
      const stack = withTensors([...rest.slice(0, frozen.length), ...values], eachMask);
      const logits = tf.reshape(stackForward(links, stack, ownInputs as tf.Tensor3D), [-1, classes]) as tf.Tensor2D;
      return tf.mul(softmaxCrossEntropy(ownLabels as tf.Tensor2D, logits), jobs.length);
    };
    return tf.grads(loss)(all.slice(0, parameters.length));
  });
  let rested = performance.now();
  try {
    for (let step = 0; step < options.steps; step++) {
      const gradients = gradient(...adam.values, ...given);
      adam.step(gradients);
      tf.dispose(gradients);
      if (performance.now() - rested > 30) {
        await setImmediate();
        options.signal?.throwIfAborted();
        rested = performance.now();
      }
    }
  } catch (error) {
    adam.dispose();
    throw error;
  } finally {
    tf.dispose([inputs, labels, ...parameters]);
  }
  return { stack: withTensors([...frozen, ...adam.values], masks), adam };
}

/** The fraction of its queries that each model of a trained stack gets right. */
function judge(
  links: readonly ChainLink[],
  stack: readonly StackedLink[],
  jobs: readonly RetrainingJob[],
  chains: readonly KeptChain[],
): number[] {
  const widest = Math.max(...chains[0].inputs.map((kept) => kept.length), ...chains[0].outputs.map((k) => k.length));
  const { count } = jobs[0].task.queries;
  const size = Math.max(1, Math.floor(stackLimit / (count * widest)));
  const accuracies: number[] = [];
  for (let first = 0; first < jobs.length; first += size) {
    const part = jobs.slice(first, first + size);
    const predicted = tf.tidy(() => {
      const slice = (tensor: tf.Tensor3D | undefined): tf.Tensor3D | undefined =>
        tensor && tf.slice3d(tensor, [first, 0, 0], [part.length, -1, -1]);
      const own = stack.map(({ kernel, bias, mask }) => ({
        kernel: slice(kernel)!,
        bias: slice(bias),
        mask: slice(mask),
      }));
      const inputs = stackInputs(
        part.map(({ task }) => task.queries),
        part.map((_, i) => chains[first + i].inputs[0]),
      );
      return tf.argMax(stackForward(links, own, inputs), 2).dataSync<"int32">();
    });
    part.forEach(({ task }, b) => {
      let right = 0;
      for (let row = 0; row < count; row++) right += predicted[b * count + row] === task.queries.labels[row] ? 1 : 0;
      accuracies.push(right / count);
    });
  }
  return accuracies;
}

/**
 * Retrains many Dense chains as stacks of equal shape: one batched computation in place of one after another.
 *
 * @param finished - gets the accuracy of each job on its task's queries, stack by stack
 */
export async function retrainChains(
  space: SearchSpace,
  links: readonly ChainLink[],
  jobs: readonly RetrainingJob[],
  options: RetrainOptions,
  finished: (job: number, accuracy: number) => void,
): Promise<void> {
  const chains = jobs.map(({ architecture }) => keptChain(space, links, architecture.mask));
  const groups = new Map<string, number[]>();
  chains.forEach((chain, j) => {
    const { support, queries } = jobs[j].task;
    const widths = chain.inputs.map((kept) => kept.length);
    const shape = JSON.stringify([jobs[j].frozen ?? false, support.count, queries.count, ...widths]);
    groups.set(shape, [...(groups.get(shape) ?? []), j]);
  });
  const drawn = new Map<string, Float32Array[]>();
  for (const members of groups.values()) {
    const { inputs, outputs } = chains[members[0]];
    const weights = inputs.reduce((sum, kept, l) => sum + kept.length * outputs[l].length, 0);
    const activations =
      jobs[members[0]].task.support.count * (inputs[0].length + outputs.reduce((sum, kept) => sum + kept.length, 0));
    const size = Math.max(1, Math.floor(stackLimit / (4 * weights + 3 * activations)));
    for (let first = 0; first < members.length; first += size) {
      options.signal?.throwIfAborted();
      const chosen = members.slice(first, first + size);
      const part = chosen.map((j) => jobs[j]);
      const kept = chosen.map((j) => chains[j]);
      const start = initialStack(space, links, part, kept, drawn);
      const { stack, adam } = await trainStack(links, start, part, kept, options);
      const accuracies = judge(links, stack, part, kept);
      adam.dispose();
      // What was trained is the optimiser's; masks and a frozen body are still held.
      tf.dispose(start.map(({ kernel, bias, mask }) => [kernel, bias ?? [], mask ?? []]));
      accuracies.forEach((accuracy, i) => finished(chosen[i], accuracy));
    }
  }
}
