import type * as tf from "@tensorflow/tfjs";

/** What one gate switches. */
export type GateKind = "input" | "weight" | "unit" | "block" | "op";

/** Gates that belong together: the pixels of an input, the weights of a kernel, the units of one (coupled) layer. */
export interface GateGroup {
  readonly name: string;
  readonly kind: GateKind;
  /** Where the group's gates stand in the flat vector of all gates. */
  readonly offset: number;
  readonly size: number;
  /** How to lay the gates out: [28, 28, 1] for pixels, the kernel's shape for weights, [units] for units. */
  readonly shape: readonly number[];
  /** The layers whose units, weights or inputs these are. */
  readonly layers: readonly string[];
}

/**
 * Gates on a value that a layer reads: value `v` (its index within `shape`, which broadcasts against the input without
 * the batch) is multiplied by gate `gateOf[v]`, or by 1 where `gateOf[v]` is -1.
 */
export interface ValueGates {
  readonly gateOf: Int32Array;
  readonly shape: readonly number[];
}

/** One weight tensor of the model. */
export interface WeightSpec {
  /** Unique in the model: layer name, then the weight's own name, as in `dense_1/kernel`. */
  readonly name: string;
  readonly layer: string;
  readonly shape: readonly number[];
  readonly trainable: boolean;
  /** The layer's initialiser, as TensorFlow.js serialises it. */
  readonly initializer: { readonly className: string; readonly config: tf.serialization.ConfigDict };
  /** For gated weights: the first gate; the weights' gates stand in row-major order behind it. */
  readonly gateOffset: number | undefined;
}

/** One call of one layer, in an order in which inputs come before their readers. */
export interface LayerCall {
  readonly layer: tf.layers.Layer;
  /** Value ids read and written. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** Gates on each value read, where there are any. */
  readonly inputGates: readonly (ValueGates | undefined)[];
  /** Indices into the plan's weights, in the order of `layer.weights`. */
  readonly weights: readonly number[];
  /**
   * Whether the call sums over its (gated) inputs, so that the gates are divided by the square root of the open
   * fraction to keep the output's variance: true for Dense and Conv2D, and for sums of gated operations.
   */
  readonly sumsOverGates: boolean;
}

/** A model laid out for functional calls with weights and gates given from outside. */
export interface Plan {
  readonly weights: readonly WeightSpec[];
  readonly calls: readonly LayerCall[];
  /** Value ids of the model's inputs and outputs. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly valueCount: number;
  readonly gateCount: number;
}
