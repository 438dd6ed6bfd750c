import * as tf from "@tensorflow/tfjs";
import { attribute, execute, nativeBackend } from "./native.js";

/** What {@link batchNorm} returns. */
export interface Normalised {
  /** Like the input. */
  readonly output: tf.Tensor;
  /** Of the batch, [channels]; no gradient passes through it. */
  readonly mean: tf.Tensor1D;
  /** Of the batch, unbiased (divided by one less than the number of values), [channels]; no gradient passes through. */
  readonly variance: tf.Tensor1D;
}

const KERNEL = "TwotempBatchNorm";
let registered = false;

/** One kernel with several outputs, so that the statistics come out beside the normalised values. */
function register(): void {
  if (registered) return;
  registered = true;
  const options = (epsilon: unknown): Parameters<typeof execute>[2] => [
    attribute.float32("T"),
    attribute.float32("U"),
    attribute.float("epsilon", epsilon as number),
    attribute.string("data_format", "NHWC"),
    attribute.bool("is_training", true),
  ];
  tf.registerKernel({
    kernelName: KERNEL,
    backendName: "tensorflow",
    kernelFunc: ({ inputs, attrs }) => {
      const none = tf.zeros([0]);
      const { x, scale, offset } = inputs;
      const outputs = execute(
        nativeBackend()!,
        "FusedBatchNormV3",
        options(attrs!.epsilon),
        [x!, scale!, offset!, none, none],
        6,
      );
      none.dispose();
      return outputs;
    },
  });
  tf.registerGradient({
    kernelName: KERNEL,
    inputsToSave: ["x", "scale"],
    outputsToSave: [false, false, false, true, true, true],
    gradFunc: (dys, [x, scale, ...reserved], attrs) => {
      const [dy] = dys as tf.Tensor[];
      const [dx, dScale, dOffset] = execute(
        nativeBackend()!,
        "FusedBatchNormGradV3",
        options(attrs.epsilon),
        [dy, x, scale, ...reserved],
        5,
        3,
      );
      return { x: () => dx, scale: () => dScale, offset: () => dOffset };
    },
  });
}

/** The same in ordinary ops, with the gradient of the whole instead of those of its parts. */
function composed(x: tf.Tensor, scale: tf.Tensor1D, offset: tf.Tensor1D, epsilon: number): Normalised {
  const axes = x.shape.slice(1).map((_, axis) => axis);
  const count = x.size / scale.size;
  const moments = tf.moments(x, axes);
  const mean = moments.mean as tf.Tensor1D;
  const variance = moments.variance as tf.Tensor1D;
  const normalise = tf.customGrad((...given) => {
    const [input, gamma, beta, save] = given as unknown as [
      tf.Tensor,
      tf.Tensor1D,
      tf.Tensor1D,
      (t: tf.Tensor[]) => void,
    ];
    save([input, gamma, mean, variance]);
    return {
      value: tf.batchNorm(input, mean, variance, beta, gamma, epsilon),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [values, stretch] = saved;
        const [center, spread] = saved.slice(2) as tf.Tensor1D[];
        const unit = tf.batchNorm(values, center, spread, tf.zerosLike(center), tf.onesLike(center), epsilon);
        const dOffset = tf.sum(dy, axes);
        const dScale = tf.sum(tf.mul(dy, unit), axes);
        const shared = tf.div(tf.add(tf.mul(unit, dScale), dOffset), count);
        const factor = tf.mul(stretch, tf.rsqrt(tf.add(spread, epsilon)));
        return [tf.mul(tf.sub(dy, shared), factor), dScale, dOffset];
      },
    };
  });
  // TensorFlow's fused op returns the unbiased variance.
  return { output: normalise(x, scale, offset), mean, variance: tf.mul(variance, count / Math.max(1, count - 1)) };
}

/**
 * Batch normalisation with the statistics of the batch, over all axes but the last:
 *
 *     output = scale (x - mean) / sqrt(variance + epsilon) + offset,
 *
 * with the biased variance of the batch. Natively one op forward and one backward; composed elsewhere.
 *
 * @param x - [..., channels], of rank 2 to 4
 * @param scale - [channels]; ones if undefined
 * @param offset - [channels]; zeros if undefined
 * @param epsilon - added to the variance
 * @returns the normalised values, and the statistics for moving averages
 */
export function batchNorm(
  x: tf.Tensor,
  scale: tf.Tensor1D | undefined,
  offset: tf.Tensor1D | undefined,
  epsilon: number,
): Normalised {
  const channels = x.shape[x.rank - 1];
  const gamma = scale ?? tf.ones([channels]);
  const beta = offset ?? tf.zeros([channels]);
  if (!nativeBackend()) return composed(x, gamma, beta, epsilon);
  register();
  const flat = x.rank === 4 ? x : tf.reshape(x, [x.size / channels, 1, 1, channels]);
  const inputs = { x: flat, scale: gamma, offset: beta };
  const [output, mean, variance] = tf.engine().runKernel(KERNEL, inputs, { epsilon }) as tf.Tensor[];
  return { output: tf.reshape(output, x.shape), mean: mean as tf.Tensor1D, variance: variance as tf.Tensor1D };
}
