import * as tf from "@tensorflow/tfjs";
import { clipTensor } from "../tensors.js";
import { clip, type Update } from "./update.js";

/**
 * Euler: a plain step along the estimator's gradient, clipped to the box.
 *
 * `theta <- clip(theta - eta v, -R, R)`
 *
 * Certified by Theorem 1 of this project's method notes (docs/theory.md).
 */
export const euler: Update = {
  defaultStepSize: undefined,
  needsLargest: true,
  takes: () => true,
  memory: () => [],
  move(logits, _memory, _g, v, { stepSize, bound }) {
    for (let i = 0; i < logits.length; i++) logits[i] = clip(logits[i] - stepSize * v[i], bound);
  },
  tensorMemory: () => [],
  numbers: () => [],
  moveTensors: (logits, _memory, _g, v, { stepSize, bound }) => [
    clipTensor(tf.sub<tf.Tensor1D>(logits, tf.mul(v(), stepSize)), bound),
  ],
};
