import * as tf from "@tensorflow/tfjs";
import { clipTensor } from "../tensors.js";
import { clip, type Update } from "./update.js";

const decay = 0.9;
const squareDecay = 0.999;
const epsilon = 1e-8;

/**
 * Adam on the estimator's gradient, clipped to the box. No theorem of this project covers it.
 *
 * `m <- 0.9 m + 0.1 v`, `n <- 0.999 n + 0.001 v^2`, `theta <- clip(theta - eta m^ / (sqrt(n^) + 1e-8), -R, R)`, `m^` and
 * `n^` without the bias of the start
 *
 * Source: Kingma and Ba, *Adam: A Method for Stochastic Optimization*, 2015.
 */
export const adam: Update = {
  defaultStepSize: 0.02,
  needsLargest: false,
  takes: () => true,
  memory: (gateCount) => [new Float64Array(gateCount), new Float64Array(gateCount)],
  move(logits, [mean, square], _g, v, { stepSize, bound, step }) {
    const { meanScale, squareScale } = corrections(step);
    for (let i = 0; i < logits.length; i++) {
      mean[i] = decay * mean[i] + (1 - decay) * v[i];
      square[i] = squareDecay * square[i] + (1 - squareDecay) * v[i] * v[i];
      const move = (mean[i] * meanScale) / (Math.sqrt(square[i] * squareScale) + epsilon);
      logits[i] = clip(logits[i] - stepSize * move, bound);
    }
  },
  tensorMemory: (logits) => [new Float64Array(logits.length), new Float64Array(logits.length)],
  numbers({ step, stepSize }) {
    const { meanScale, squareScale } = corrections(step);
    // The factors of both corrections, so that the scaled memory needs no pass of its own.
    const root = Math.sqrt(squareScale);
    return [epsilon / root, (stepSize * meanScale) / root];
  },
  moveTensors(logits, [mean, square], _g, v, { bound }, [least, scale]) {
    const gradient = v();
    const newMean = tf.add<tf.Tensor1D>(tf.mul(mean, decay), tf.mul(gradient, 1 - decay));
    const newSquare = tf.add<tf.Tensor1D>(tf.mul(square, squareDecay), tf.mul(tf.square(gradient), 1 - squareDecay));
    const move = tf.mul(tf.div(newMean, tf.add(tf.sqrt(newSquare), least)), scale);
    return [clipTensor(tf.sub<tf.Tensor1D>(logits, move), bound), newMean, newSquare];
  },
};

function corrections(step: number): { meanScale: number; squareScale: number } {
  return { meanScale: 1 / (1 - decay ** (step + 1)), squareScale: 1 / (1 - squareDecay ** (step + 1)) };
}
