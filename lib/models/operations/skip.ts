import * as tf from "@tensorflow/tfjs";
import { TwotempError } from "../../errors.js";
import { type Operation, then } from "./operation.js";

/** The input itself, every `stride`-th position, as many times side by side as there are channels to fill. */
export const skip: Operation = {
  name: "skip",
  apply(value, { name, filters, stride }) {
    const channels = value.shape.at(-1)!;
    if (filters % channels !== 0) {
      throw new TwotempError(
        "models/operation",
        `skip makes a multiple of the ${channels} channels it reads, asked for ${filters}`,
      );
    }
    const taken =
      stride === 1
        ? value
        : then(value, tf.layers.maxPooling2d({ name: `${name}_taken`, poolSize: 1, strides: stride, padding: "same" }));
    const copies = filters / channels;
    if (copies === 1) return then(taken, tf.layers.activation({ name, activation: "linear" }));
    return tf.layers.concatenate({ name }).apply(new Array<tf.SymbolicTensor>(copies).fill(taken)) as tf.SymbolicTensor;
  },
};
