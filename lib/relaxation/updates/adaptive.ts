import * as tf from "@tensorflow/tfjs";
import { mirrorInverse, mirrorMap } from "../mirrorMap.js";
import { clipTensor } from "../tensors.js";
import { halfDual, halfInverse } from "./halfDual.js";
import { clip, type Update, type UpdateSettings } from "./update.js";

/** What float32 sums of squares start from, so that their inverse roots are finite: as if each gate had seen 3e-19. */
const leastSquares = 1e-37;

/**
 * Adaptive: mirror with a step of its own for each gate, which never grows.
 *
 * `theta_i <- clip(y^-1(y(theta_i) - eta_i g_i), -R, R)` with `eta_i = alpha / sqrt(sum over the steps so far of g_i^2)`;
 * a gate whose gradients were all 0 stays.
 *
 * Certified by Theorem 8 of this project's method notes (docs/theory.md); the steps are those of Duchi, Hazan and Singer,
 * *Adaptive Subgradient Methods*, 2011.
 */
export const adaptive: Update = {
  defaultStepSize: 1,
  needsLargest: false,
  takes: (estimator) => estimator.hotSlope,
  memory: (gateCount) => [new Float64Array(gateCount)],
  move(logits, [squares], g, _v, { stepSize, hot, bound }) {
    for (let i = 0; i < logits.length; i++) {
      squares[i] += g[i] * g[i];
      if (squares[i] === 0) continue;
      const dual = mirrorMap(logits[i], hot) - (stepSize * g[i]) / Math.sqrt(squares[i]);
      logits[i] = clip(mirrorInverse(dual, hot, logits[i]), bound);
    }
  },
  tensorMemory: (logits, hot) => [halfDual(logits, hot), new Float64Array(logits.length).fill(leastSquares)],
  numbers: () => [],
  moveTensors(logits, [dual, squares], g, _v, at) {
    const { scale, most } = dualNumbers(at);
    const summed = tf.add<tf.Tensor1D>(squares, tf.square(g));
    const relative = tf.mul<tf.Tensor1D>(g, tf.rsqrt(summed));
    const moved = clipTensor(tf.sub<tf.Tensor1D>(dual, tf.mul(relative, scale)), most);
    return [halfInverse(moved, at.hot, { logits, move: scale }), moved, summed];
  },
};

/**
 * Of half dual variables, how far a step moves them at most, as no gradient is larger than the root of its own sum of squares;
 * and the one at the bound.
 */
export const dualNumbers = ({
  stepSize,
  hot,
  bound,
}: UpdateSettings): { readonly scale: number; readonly most: number } => ({
  scale: stepSize / (4 * hot * hot),
  most: halfDual(Float64Array.of(bound), hot)[0],
});
