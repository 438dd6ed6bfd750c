import * as tf from "@tensorflow/tfjs";
import { oneOf, optional, requireOptions, shape, size, sizes } from "./options.js";

/** What {@link mlp} takes. */
export interface MlpOptions {
  /** Shape of one example, for example [28, 28, 1] or [features]. */
  readonly inputShape: readonly number[];
  /** Units of each hidden layer; none makes a linear classifier. */
  readonly hidden?: readonly number[];
  readonly classes: number;
  /** Default "relu". */
  readonly activation?: "relu" | "tanh" | "sigmoid" | "elu" | "selu" | "linear";
  /** How the hidden layers' weights are drawn; default "heNormal". */
  readonly initializer?: "heNormal" | "heUniform" | "glorotNormal" | "glorotUniform" | "leCunNormal" | "orthogonal";
}

/**
 * A multi-layer perceptron: flatten, dense layers, softmax.
 *
 * @param options - see {@link MlpOptions}; default two hidden layers of 300 and 100 units
 * @returns a model whose layers are named `hidden_1`, `hidden_2`, ..., `classes`
 * @throws TwotempError `models/size` for sizes that no layer can have, `models/options` for other options that can't be
 * @example
 * ```ts
 * const model = mlp({ inputShape: [28, 28, 1], hidden: [300, 100], classes: 13 });
 * ```
 */
export function mlp(options: MlpOptions): tf.LayersModel {
  requireOptions("mlp", options, {
    inputShape: shape,
    hidden: optional(sizes),
    classes: size,
    activation: optional(oneOf("relu", "tanh", "sigmoid", "elu", "selu", "linear")),
    initializer: optional(oneOf("heNormal", "heUniform", "glorotNormal", "glorotUniform", "leCunNormal", "orthogonal")),
  });
  const { inputShape, hidden = [300, 100], classes, activation = "relu", initializer = "heNormal" } = options;
  const input = tf.input({ shape: [...inputShape], name: "image" });
  let value: tf.SymbolicTensor = input;
  if (inputShape.length > 1) value = tf.layers.flatten({ name: "flatten" }).apply(value) as tf.SymbolicTensor;
  hidden.forEach((units, i) => {
    value = tf.layers
      .dense({ units, activation, kernelInitializer: initializer, name: `hidden_${i + 1}` })
      .apply(value) as tf.SymbolicTensor;
  });
  const output = tf.layers.dense({ units: classes, activation: "softmax", name: "classes" }).apply(value);
  return tf.model({ inputs: input, outputs: output as tf.SymbolicTensor, name: "mlp" });
}
