import * as tf from "@tensorflow/tfjs";
import { attribute, execute, nativeBackend } from "../../engine/native.js";

/** `y / (4 th^2) = (z + sinh z) / 2` with `z = theta / th`: the dual variable in the units of `p = z / 2`. */
export function halfDual(logits: Float64Array, hot: number): Float64Array {
  return logits.map((x) => (x / hot + Math.sinh(x / hot)) / 2);
}

/** Newton steps from anywhere within the box: enough for float32. */
const stepsFromAfar = 6;

/**
 * The logits whose half dual variable is `dual`: the tensor form of `mirrorInverse`.
 *
 * With `h = tanh p`, Newton's step for `p + sinh(2p)/2 = Q` is `p <- p - (h + (p - Q)(1 - h^2)) / 2`, since
 * `sinh z / (1 + cosh z) = tanh(z / 2)`. The slope of the left side is at least 2, so `|p - p'| <= |Q - Q'| / 2`, and
 * the logarithm of the slope moves no faster than `2p`, so that a step turns an error `e` into at most `e^2 exp(2 e)`:
 * the largest move tells how many steps are needed.
 *
 * @param near - the logits before the move
 * @param largestMove - the largest change of `dual` since `near`
 */
export function halfInverse(dual: tf.Tensor1D, near: tf.Tensor1D, hot: number, largestMove: number): tf.Tensor1D {
  let error = largestMove / 2;
  let p: tf.Tensor1D;
  let steps = 0;
  if (error < 0.25) {
    p = tf.mul(near, 1 / (2 * hot));
    for (; error > 1e-8; error *= error * Math.exp(2 * error)) steps++;
  } else {
    // |p| <= |Q| / 2 and |2p| <= log(1 + 4 |Q|): Newton falls from above, see mirrorInverse.
    const size = tf.abs(dual);
    const above = tf.minimum(tf.mul(size, 0.5), tf.mul(tf.log1p(tf.mul(size, 4)), 0.5));
    p = tf.mul(tf.sign(dual), above);
    steps = stepsFromAfar;
  }
  for (let step = 0; step < steps; step++) {
    const h = tf.tanh(p);
    p = tf.sub(p, tf.mul(tf.add(h, tanhSlope(h, tf.sub(p, dual))), 0.5));
  }
  return tf.mul(p, 2 * hot);
}

/** `x (1 - h^2)`; TensorFlow's own op does it in one pass. */
function tanhSlope(h: tf.Tensor1D, x: tf.Tensor1D): tf.Tensor1D {
  const native = nativeBackend();
  if (native) return execute(native, "TanhGrad", [attribute.float32("T")], [h, x])[0] as tf.Tensor1D;
  return tf.mul(x, tf.sub(1, tf.square(h)));
}
