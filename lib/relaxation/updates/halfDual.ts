import * as tf from "@tensorflow/tfjs";
import { attribute, execute, nativeBackend } from "../../engine/native.js";

/** `y / (4 th^2) = (z + sinh z) / 2` with `z = theta / th`: the dual variable in the units of `p = z / 2`. */
export function halfDual(logits: Float64Array, hot: number): Float64Array {
  return logits.map((x) => (x / hot + Math.sinh(x / hot)) / 2);
}

/** How far a known logit's half dual variable may be away for Halley's steps to start from that logit. */
export const nearEnough = 0.5;

/**
 * The logits whose half dual variable is `dual`: the tensor form of `mirrorInverse`, by two of Halley's steps.
 *
 * With `h = tanh p`, Newton's step for `p + sinh(2p)/2 = Q` is `d = (h + (p - Q)(1 - h^2)) / 2`, since
 * `sinh z / (1 + cosh z) = tanh(z / 2)`; Halley's is `d / (1 - d h)`, and turns an error `e` of at most 0.35 into less than
 * `0.35 e^3`. Two are enough for float32 from either start, up to logits of eight hot temperatures.
 *
 * @param near - logits whose dual variable is at most `move` away, if such are known: a start without a logarithm
 */
export function halfInverse(
  dual: tf.Tensor1D,
  hot: number,
  near?: { readonly logits: tf.Tensor1D; readonly move: number },
): tf.Tensor1D {
  // The slope of `Q` is at least 2: `p` moves by at most half as much.
  let p = near && near.move <= nearEnough ? tf.mul<tf.Tensor1D>(near.logits, 1 / (2 * hot)) : fromAfar(dual);
  for (let step = 0; step < 2; step++) {
    const h = tf.tanh(p);
    const newton = tf.mul(tf.add(h, tanhSlope(h, tf.sub(p, dual))), 0.5);
    p = tf.sub(p, tf.div(newton, tf.sub(1, tf.mul(newton, h))));
  }
  return tf.mul(p, 2 * hot);
}

/** The smaller of `|Q| / 2` and `log(1 + 4 |Q|) / 2`, with the sign of `Q`: no less than `|p|`, and at most 0.28 more. */
function fromAfar(dual: tf.Tensor1D): tf.Tensor1D {
  const size = tf.abs(dual);
  return tf.mul(tf.sign(dual), tf.mul(tf.minimum(size, tf.log1p(tf.mul(size, 4))), 0.5));
}

/** `x (1 - h^2)`; TensorFlow's own op does it in one pass. */
function tanhSlope(h: tf.Tensor1D, x: tf.Tensor1D): tf.Tensor1D {
  const native = nativeBackend();
  if (native) return execute(native, "TanhGrad", [attribute.float32("T")], [h, x])[0] as tf.Tensor1D;
  return tf.mul(x, tf.sub(1, tf.square(h)));
}
