import * as tf from "@tensorflow/tfjs";
import { gate } from "../gate.js";
import type { Estimator } from "./estimator.js";
import { gateTensor } from "./slopes.js";

/**
 * REINFORCE: gates drawn from Bernoulli distributions, and the score function times the loss less a running mean.
 *
 * `a ~ Bernoulli(s_th(theta))`, `v = (loss - mean of the losses before) (a - s_th(theta)) / th`. The loss is the whole
 * objective with the price of complexity; the gates' gradient isn't used.
 *
 * Source: Williams, *Simple statistical gradient-following algorithms for connectionist reinforcement learning*, 1992.
 */
export const reinforce: Estimator = {
  noisy: true,
  needsLoss: true,
  hotSlope: false,
  certified: false,
  // theta + th l > 0 has the probability s_th(theta).
  gate: (x, noise, { hot }) => (x + hot * noise > 0 ? 1 : 0),
  pull: (x, _g, noise, { hot, advantage }) => (advantage * ((x + hot * noise > 0 ? 1 : 0) - gate(x, hot))) / hot,
  numbers: ({ advantage, hot }) => [advantage / hot],
  gates: (x, noise, { hot }) =>
    tf.cast(tf.greater<tf.Tensor1D>(tf.add<tf.Tensor1D>(x, tf.mul(noise!, hot)), 0), "float32"),
  pulls: (x, _g, noise, at, numbers) =>
    tf.mul<tf.Tensor1D>(tf.sub<tf.Tensor1D>(reinforce.gates(x, noise, at, numbers), gateTensor(x, at.hot)), numbers[0]),
};
