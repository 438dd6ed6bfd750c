import * as tf from "@tensorflow/tfjs";
import { type Operation, requireChannels, then } from "./operation.js";

const activation = (name: string, activation: "relu" | "tanh" | "linear"): Operation => ({
  name,
  apply(value, { name: layerName, filters }) {
    requireChannels(name, value, filters);
    return then(value, tf.layers.activation({ name: layerName, activation }));
  },
});

/** Activations by TensorFlow.js's own layer; `identity` hands its input on. */
export const activations: readonly Operation[] = [
  activation("relu", "relu"),
  activation("tanh", "tanh"),
  activation("identity", "linear"),
];
