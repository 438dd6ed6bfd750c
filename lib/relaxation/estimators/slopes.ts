import * as tf from "@tensorflow/tfjs";
import { execute, attribute, nativeBackend } from "../../engine/native.js";

/** `s_t(x)` for all gates. */
export function gateTensor(x: tf.Tensor1D, t: number): tf.Tensor1D {
  return tf.sigmoid(tf.mul<tf.Tensor1D>(x, 1 / t));
}

/** `s_t'(x) g` for all gates; TensorFlow's own op does it in one pass. */
export function slopeTensor(x: tf.Tensor1D, g: tf.Tensor1D, t: number): tf.Tensor1D {
  const s = gateTensor(x, t);
  const native = nativeBackend();
  const product = native
    ? (execute(native, "SigmoidGrad", [attribute.float32("T")], [s, g])[0] as tf.Tensor1D)
    : tf.mul<tf.Tensor1D>(g, tf.mul(s, tf.sub(1, s)));
  return t === 1 ? product : tf.mul(product, 1 / t);
}
