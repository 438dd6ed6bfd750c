import * as tf from "@tensorflow/tfjs";
import { TwotempError } from "../errors.js";
import { attribute, execute, nativeBackend } from "./native.js";

/** The loss of each example, and its gradient with respect to the logits. */
function perExample(labels: tf.Tensor2D, logits: tf.Tensor2D): [tf.Tensor, tf.Tensor] {
  const backend = nativeBackend();
  if (backend) {
    const [loss, gradient] = execute(
      backend,
      "SoftmaxCrossEntropyWithLogits",
      [attribute.float32("T")],
      [logits, labels],
      2,
    );
    return [loss, gradient];
  }
  const logProbabilities = tf.logSoftmax(logits);
  const loss = tf.neg(tf.sum(tf.mul(labels, logProbabilities), 1));
  return [loss, tf.sub(tf.exp(logProbabilities), labels)];
}

/**
 * The mean cross entropy of softmax probabilities,
 *
 *     mean over examples of  -sum_k labels_k log softmax(logits)_k,
 *
 * with its gradient `(softmax(logits) - labels) / batch`; natively both come from one op.
 *
 * @param labels - probabilities, [batch, classes], each row summing to 1 (one-hot for hard labels)
 * @param logits - [batch, classes]
 * @returns a scalar; differentiable with respect to the logits, not to the labels
 * @throws TwotempError `engine/labels` if the shapes differ
 * @example
 * ```ts
 * softmaxCrossEntropy(tf.oneHot(classes, 10).toFloat(), logits);
 * ```
 */
export function softmaxCrossEntropy(labels: tf.Tensor2D, logits: tf.Tensor2D): tf.Scalar {
  const [batch, classes] = logits.shape;
  if (labels.rank !== 2 || logits.rank !== 2 || labels.shape[0] !== batch || labels.shape[1] !== classes) {
    throw new TwotempError(
      "engine/labels",
      `labels must have the shape of the logits, [${logits.shape}], got [${labels.shape}]: one-hot rows for hard labels`,
    );
  }
  const target = labels.dtype === "float32" ? labels : tf.cast(labels, "float32");
  const loss = tf.customGrad((given, save) => {
    const [losses, gradient] = perExample(target, given as tf.Tensor2D);
    (save as (tensors: tf.Tensor[]) => void)([gradient]);
    return {
      value: tf.mean(losses),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.mul(saved[0], tf.div(dy, batch)),
    };
  });
  return loss(logits) as tf.Scalar;
}
