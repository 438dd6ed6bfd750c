import * as tf from "@tensorflow/tfjs";
import { gate, gateSlope } from "../gate.js";
import type { Estimator } from "./estimator.js";
import { gateTensor, slopeTensor } from "./slopes.js";

/**
 * Gumbel-sigmoid (binary concrete): the logit plus logistic noise of the hot temperature, through the cold gate.
 *
 * `a = s_tc(theta + th l)`, `v = s_tc'(theta + th l) g`, `l` standard logistic; `P(a > 1/2) = s_th(theta)`
 *
 * Source: Maddison, Mnih and Teh, *The Concrete Distribution*, 2017; Jang, Gu and Poole, *Categorical Reparameterization
 * with Gumbel-Softmax*, 2017.
 */
export const gumbelSigmoid: Estimator = {
  noisy: true,
  needsLoss: false,
  hotSlope: false,
  certified: false,
  gate: (x, noise, { cold, hot }) => gate(x + hot * noise, cold),
  pull: (x, g, noise, { cold, hot }) => gateSlope(x + hot * noise, cold) * g,
  numbers: () => [],
  gates: (x, noise, { cold, hot }) => gateTensor(tf.add(x, tf.mul(noise!, hot)), cold),
  pulls: (x, g, noise, { cold, hot }) => slopeTensor(tf.add(x, tf.mul(noise!, hot)), g, cold),
};
