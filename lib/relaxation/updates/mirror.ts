import * as tf from "@tensorflow/tfjs";
import { mirrorInverse, mirrorMap } from "../mirrorMap.js";
import { clipTensor } from "../tensors.js";
import { halfDual, halfInverse } from "./halfDual.js";
import { clip, type Update } from "./update.js";

/**
 * Mirror: a step of the dual variable, exact mirror descent in the gates.
 *
 * `theta <- clip(y^-1(y(theta) - eta g), -R, R)` with `y(x) = 2 th (x + th sinh(x / th))`
 *
 * The tensor form keeps the dual variable between steps, so that rounding of the inverse doesn't add up.
 *
 * Certified by Theorem 1 of this project's method notes (docs/theory.md).
 */
export const mirror: Update = {
  defaultStepSize: undefined,
  needsLargest: true,
  takes: (estimator) => estimator.hotSlope,
  memory: () => [],
  move(logits, _memory, g, _v, { stepSize, hot, bound }) {
    for (let i = 0; i < logits.length; i++) {
      const dual = mirrorMap(logits[i], hot) - stepSize * g[i];
      logits[i] = clip(mirrorInverse(dual, hot, logits[i]), bound);
    }
  },
  tensorMemory: (logits, hot) => [halfDual(logits, hot)],
  numbers: () => [],
  moveTensors(_logits, [dual], g, _v, { stepSize, hot, bound }) {
    const scale = stepSize / (4 * hot * hot);
    const most = halfDual(Float64Array.of(bound), hot)[0];
    // The map is increasing: clipping the dual variable is clipping the logits.
    const moved = clipTensor(tf.sub<tf.Tensor1D>(dual, tf.mul(g, scale)), most);
    return [halfInverse(moved, hot), moved];
  },
};
