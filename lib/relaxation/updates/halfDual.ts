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
 * With `s` the logistic function of `z = 2p`, Newton's step for `p + sinh(2p)/2 = Q` is `d = s - 1/2 + s (1 - s) (z - 2Q)`, since
 * `sinh z / (1 + cosh z) = tanh p = 2s - 1`; Halley's is `d / (1 - d tanh p)`, and turns an error `e` of at most 0.35 into less
 * than `0.35 e^3`. Two are enough for float32 from either start, up to logits of eight hot temperatures.
 *
 * @param near - logits whose dual variable is at most `move` away, if such are known: a start without a logarithm
 */
export function halfInverse(
  dual: tf.Tensor1D,
  hot: number,
  near?: { readonly logits: tf.Tensor1D; readonly move: number },
): tf.Tensor1D {
  // The map is odd. Below 0 the logistic function keeps the digits that `1 - s` would lose above.
  const [sign, size] = [tf.sign(dual), tf.abs(dual)];
  // The slope of `Q` is at least 2: `p` moves by at most half as much.
  const isNear = near !== undefined && near.move <= nearEnough;
  let z = isNear ? tf.mul<tf.Tensor1D>(sign, tf.mul(near.logits, -1 / hot)) : tf.neg(fromAfar(size));
  const twice = tf.mul(size, -2);
  for (let step = 0; step < 2; step++) {
    // Not by the hyperbolic tangent, which takes ten times as long on WebAssembly.
    const s = tf.sigmoid(z);
    const halfTanh = tf.sub(s, 0.5);
    const newton = tf.add(halfTanh, logisticSlope(s, tf.sub(z, twice)));
    z = tf.sub(z, tf.div(newton, tf.sub(0.5, tf.mul(newton, halfTanh))));
  }
  return tf.mul(tf.mul(z, -hot), sign);
}

/** Of `2 |p|`: the smaller of `|Q|` and `log(1 + 4 |Q|)`, no less and at most 0.56 more. */
function fromAfar(size: tf.Tensor1D): tf.Tensor1D {
  return tf.minimum(size, tf.log1p(tf.mul(size, 4)));
}

/** `x s (1 - s)`; TensorFlow's own op does it in one pass. */
function logisticSlope(s: tf.Tensor1D, x: tf.Tensor1D): tf.Tensor1D {
  const native = nativeBackend();
  if (native) return execute(native, "SigmoidGrad", [attribute.float32("T")], [s, x])[0] as tf.Tensor1D;
  return tf.mul(x, tf.mul(s, tf.sub(1, s)));
}
