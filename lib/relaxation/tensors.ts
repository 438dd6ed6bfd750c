import * as tf from "@tensorflow/tfjs";
import { attribute, execute, nativeBackend } from "../engine/native.js";

/** `x` moved into `[-bound, bound]`; TensorFlow's own op does it in one pass. */
export function clipTensor(x: tf.Tensor1D, bound: number): tf.Tensor1D {
  const native = nativeBackend();
  if (!native) return tf.clipByValue<tf.Tensor1D>(x, -bound, bound);
  const ends = [-bound, bound].map((end) => tf.scalar(end));
  return execute(native, "ClipByValue", [attribute.float32("T")], [x, ...ends])[0] as tf.Tensor1D;
}

/** The largest absolute entry. */
export function largestEntry(x: tf.Tensor1D): number {
  const [high, low] = [tf.max(x), tf.min(x)].map((extreme) => extreme.dataSync()[0]);
  return Math.max(high, -low);
}
