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

/**
 * The Dense layers of a model that is nothing but a chain of them (after an optional Flatten), with elementwise
 * activations between; undefined for any other model. Such models can be trained many at a time.
 */
export function denseChain(plan: Plan): ChainLink[] | undefined {
  const links: (ChainLink & { activations: tf.layers.Layer[] })[] = [];
  let value = plan.inputs[0];
  if (plan.inputs.length !== 1 || plan.outputs.length !== 1) return undefined;
  for (const [c, call] of plan.calls.entries()) {
    if (call.inputs.length !== 1 || call.inputs[0] !== value || call.outputs.length !== 1) return undefined;
    const className = call.layer.getClassName();
    if (className === "Dense") {
      const { activation } = call.layer as unknown as { activation?: { apply(value: tf.Tensor): tf.Tensor } };
      const activate = (input: tf.Tensor): tf.Tensor => activation?.apply(input) ?? input;
      links.push({ call: c, kernel: call.weights[0], bias: call.weights.at(1), activate, activations: [] });
    } else if (elementwise.has(className) && links.length > 0) {
      links.at(-1)!.activations.push(call.layer);
    } else if (className !== "Flatten" || links.length > 0) {
      return undefined;
    }
    value = call.outputs[0];
  }
  return value === plan.outputs[0] && links.length > 0 ? links : undefined;
}
