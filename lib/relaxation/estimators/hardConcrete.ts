import * as tf from "@tensorflow/tfjs";
import { gate, gateSlope } from "../gate.js";
import type { Estimator } from "./estimator.js";
import { gateTensor, slopeTensor } from "./slopes.js";

/** The distribution's own constants: its temperature, and how far it is stretched beyond 0 and 1. */
const temperature = 2 / 3;
const low = -0.1;
const high = 1.1;

/**
 * Hard concrete: a binary concrete gate stretched beyond [0, 1] and clipped, so that exact zeros and ones occur.
 *
 * `s = s_b(theta / th + l)`, `a = clip(1.2 s - 0.1, 0, 1)`, `v = 1.2 s_b'(theta / th + l) g / th` where `a` isn't
 * clipped and 0 elsewhere; `b = 2/3`, `l` standard logistic. The price of complexity comes through `g`, on the sampled
 * gates, as it does for every estimator here.
 *
 * Source: Louizos, Welling and Kingma, *Learning Sparse Neural Networks through L0 Regularization*, 2018.
 */
export const hardConcrete: Estimator = {
  noisy: true,
  needsLoss: false,
  hotSlope: false,
  certified: false,
  gate: (x, noise, { hot }) => Math.min(1, Math.max(0, stretched(x / hot + noise))),
  pull: (x, g, noise, { hot }) => {
    const a = stretched(x / hot + noise);
    return a > 0 && a < 1 ? ((high - low) * gateSlope(x / hot + noise, temperature) * g) / hot : 0;
  },
  numbers: () => [],
  gates: (x, noise, { hot }) => tf.clipByValue(stretchedTensor(tf.add(tf.mul(x, 1 / hot), noise!)), 0, 1),
  pulls: (x, g, noise, { hot }) => {
    const shifted = tf.add<tf.Tensor1D>(tf.mul(x, 1 / hot), noise!);
    const a = stretchedTensor(shifted);
    const open = tf.cast(tf.logicalAnd(tf.greater(a, 0), tf.less(a, 1)), "float32");
    return tf.mul(tf.mul(slopeTensor(shifted, g, temperature), open), (high - low) / hot);
  },
};

function stretched(x: number): number {
  return (high - low) * gate(x, temperature) + low;
}

function stretchedTensor(x: tf.Tensor1D): tf.Tensor1D {
  return tf.add(tf.mul(gateTensor(x, temperature), high - low), low);
}
