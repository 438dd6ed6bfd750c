import { setImmediate } from "node:timers/promises";
import * as tf from "@tensorflow/tfjs";
import { Adam, compiled, softmaxCrossEntropy } from "../engine/index.js";
import type { SearchSpace } from "../space/index.js";
import type { ChainLink } from "./chain.js";
import type { RetrainingJob, RetrainOptions } from "./retrain.js";
import {
  initialStack,
  type KeptChain,
  keptChain,
  sliceStack,
  type StackedLink,
  stackForward,
  stackInputs,
} from "./stack.js";

/** Most weights and activations that one stack of models may hold, in numbers. */
const stackLimit = 24e6;

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
  /** The links with these kernels and biases, and these masks or places. */
  const withTensors = (values: readonly tf.Tensor[], patterns: readonly tf.Tensor[]): StackedLink[] => {
    const [value, pattern] = [values.values(), patterns.values()];
    const take = <T extends tf.Tensor>(from: Iterator<tf.Tensor>): T => from.next().value as T;
    return start.map(({ bias, mask, places }) => ({
      kernel: take(value),
      bias: bias && take<tf.Tensor3D>(value),
      mask: mask && take<tf.Tensor3D>(pattern),
      places: places && { starts: take(pattern), inputs: take(pattern) },
    }));
  };
  const patterns = start
    .flatMap(({ mask, places }) => [mask, places?.starts, places?.inputs])
    .filter((it) => it !== undefined);
  const parameters = tensors(start.slice(first));
  const frozen = tensors(start.slice(0, first));
  const adam = new Adam(parameters, { stepSize: options.learningRate });
  const given = [inputs, labels, ...frozen, ...patterns];
  // The mean over all examples of all models; times their number, it is the sum of the models' own losses.
  const gradient = compiled((...all) => {
    const [ownInputs, ownLabels, ...rest] = all.slice(parameters.length);
    const loss = (...values: tf.Tensor[]): tf.Scalar => {
      const stack = withTensors([...rest.slice(0, frozen.length), ...values], rest.slice(frozen.length));
      const all = stackForward(links, stack, ownInputs as tf.Tensor3D, first);
      const logits = tf.reshape(all, [-1, classes]) as tf.Tensor2D;
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
  return { stack: withTensors([...frozen, ...adam.values], patterns), adam };
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
      const own = sliceStack(stack, chains, first, part.length);
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
  const chains = jobs.map(({ architecture, task }) => keptChain(links, architecture, task.support.count));
  const groups = new Map<string, number[]>();
  chains.forEach((chain, j) => {
    const { support, queries } = jobs[j].task;
    const widths = chain.inputs.map((kept) => kept.length);
    const shape = JSON.stringify([jobs[j].frozen ?? false, support.count, queries.count, ...widths, ...chain.sparse]);
    groups.set(shape, [...(groups.get(shape) ?? []), j]);
  });
  const drawn = new Map<string, Float32Array[]>();
  for (const members of groups.values()) {
    const { inputs, outputs } = chains[members[0]];
    const weights = Math.max(...members.map((j) => chains[j].entries.reduce((sum, count) => sum + count, 0)));
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
      tf.dispose(
        start.map(({ kernel, bias, mask, places }) => [
          kernel,
          bias ?? [],
          mask ?? [],
          places ? Object.values(places) : [],
        ]),
      );
      accuracies.forEach((accuracy, i) => finished(chosen[i], accuracy));
    }
  }
}
