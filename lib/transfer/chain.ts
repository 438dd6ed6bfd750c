import type * as tf from "@tensorflow/tfjs";
import type { Plan } from "../space/types.js";

/** A Dense layer of a chain, with the activation that follows it. */
export interface ChainLink {
  readonly call: number;
  readonly kernel: number;
  readonly bias: number | undefined;
  /** The layer's own activation. */
  readonly activate: (value: tf.Tensor) => tf.Tensor;
  /** Elementwise layers behind it. */
  readonly activations: readonly tf.layers.Layer[];
}

/** Layer classes that act on each value alone, so that they may run on a stack of models at once. */
const elementwise = new Set(["Activation", "ReLU", "LeakyReLU", "ELU", "ThresholdedReLU"]);

const activationOf = (layer: tf.layers.Layer): string =>
  (layer as unknown as { activation?: { getClassName(): string } }).activation?.getClassName() ?? "linear";

/**
 * The Dense layers of a model that is nothing but a chain of them (after an optional Flatten), with elementwise
 * activations between, and at its end at most a softmax; undefined for any other model, or if a layer is called twice or has
 * weights that aren't trained. Such models can be trained many at a time.
 */
export function denseChain(plan: Plan): ChainLink[] | undefined {
  const links: (ChainLink & { activations: tf.layers.Layer[] })[] = [];
  let value = plan.inputs[0];
  if (plan.inputs.length !== 1 || plan.outputs.length !== 1) return undefined;
  const known = new Set<tf.layers.Layer>();
  for (const [c, call] of plan.calls.entries()) {
    if (call.inputs.length !== 1 || call.inputs[0] !== value || call.outputs.length !== 1) return undefined;
    const { layer } = call;
    const className = layer.getClassName();
    if (className === "Dense") {
      if (known.has(layer) || call.weights.some((w) => !plan.weights[w].trainable)) return undefined;
      known.add(layer);
      const { activation } = layer as unknown as { activation?: { apply(value: tf.Tensor): tf.Tensor } };
      const activate = (input: tf.Tensor): tf.Tensor => activation?.apply(input) ?? input;
      links.push({ call: c, kernel: call.weights[0], bias: call.weights.at(1), activate, activations: [] });
    } else if (elementwise.has(className) && links.length > 0) {
      links.at(-1)!.activations.push(layer);
    } else if (className !== "Flatten" || links.length > 0) {
      return undefined;
    }
    value = call.outputs[0];
  }
  if (value !== plan.outputs[0] || links.length === 0) return undefined;
  // The loss takes logits: a softmax at the end is left out, anything else there stays.
  const head = links.at(-1)!;
  const own = activationOf(plan.calls[head.call].layer);
  const last = head.activations.at(-1);
  const endsInSoftmax = last?.getClassName() === "Activation" && activationOf(last) === "softmax";
  if (endsInSoftmax) head.activations.pop();
  const isPlain = own === "linear" || (own === "softmax" && !last);
  return isPlain && head.activations.length === 0 ? links : undefined;
}
