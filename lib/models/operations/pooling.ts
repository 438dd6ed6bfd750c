import * as tf from "@tensorflow/tfjs";
import { type Operation, requireChannels, then } from "./operation.js";

type PoolingLayer = (config: { name: string; poolSize: number; strides: number; padding: "same" }) => tf.layers.Layer;

const pooling = (name: string, poolSize: number, make: PoolingLayer): Operation => ({
  name,
  apply(value, { name: layerName, filters, stride }) {
    requireChannels(name, value, filters);
    return then(value, make({ name: layerName, poolSize, strides: stride, padding: "same" }));
  },
});

/** Poolings by TensorFlow.js's own layers; a maximum over 3x3 that doesn't move on is a dilation. */
export const poolings: readonly Operation[] = [
  pooling("max3", 3, (config) => tf.layers.maxPooling2d(config)),
  pooling("max5", 5, (config) => tf.layers.maxPooling2d(config)),
  pooling("average3", 3, (config) => tf.layers.averagePooling2d(config)),
  pooling("average5", 5, (config) => tf.layers.averagePooling2d(config)),
  pooling("subsample", 1, (config) => tf.layers.maxPooling2d(config)),
  pooling("dilation3", 3, (config) => tf.layers.maxPooling2d(config)),
];
