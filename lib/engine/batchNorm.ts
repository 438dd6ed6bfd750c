import * as tf from "@tensorflow/tfjs";
import { attribute, type AttributeMaker, execute, hasOwnKernels, type NativeBackend, nativeBackend } from "./native.js";
import { hasOneDnn, oneDnnKernel } from "./oneDnn.js";

/** What {@link batchNorm} returns. */
export interface Normalised {
  /** Like the input. */
  readonly output: tf.Tensor;
  /** Of the batch, [channels]; no gradient passes through it. */
  readonly mean: tf.Tensor1D;
  /** Of the batch, unbiased (divided by one less than the number of values), [channels]; no gradient passes through. */
  readonly variance: tf.Tensor1D;
}

/** Kernels of several outputs, so that the statistics come out beside the normalised values. */
const plainKernel = "TwotempBatchNorm";
const rectifiedKernel = "TwotempBatchNormRelu";

const attributes = (epsilon: unknown): AttributeMaker[] => [
  attribute.float32("T"),
  attribute.float32("U"),
  attribute.float("epsilon", epsilon as number),
  attribute.string("data_format", "NHWC"),
  attribute.bool("is_training", true),
];

const rectified: AttributeMaker[] = [
  attribute.int("num_side_inputs", 0),
  attribute.string("activation_mode", "Relu"),
  oneDnnKernel,
];

/** Registers both kernels and their gradients with the native backend. */
export function useNativeBatchNorm(backend: NativeBackend): void {
  for (const kernelName of [plainKernel, rectifiedKernel]) {
    const relu = kernelName === rectifiedKernel;
    const isOurs = (x: tf.TensorInfo): boolean => hasOwnKernels(backend) && !x.shape.includes(0);
    const own = (epsilon: unknown): AttributeMaker[] => [
      attribute.float("epsilon", epsilon as number),
      attribute.bool("relu", relu),
    ];
    const op = relu ? "_MklNativeFusedBatchNormEx" : "FusedBatchNormV3";
    const rectify = (dy: tf.Tensor, y: tf.Tensor): tf.Tensor =>
      relu ? execute(backend, "ReluGrad", [attribute.float32("T")], [dy, y])[0] : dy;
    tf.registerKernel({
      kernelName,
      backendName: "tensorflow",
      kernelFunc: ({ inputs, attrs }) => {
        const { x, scale, offset } = inputs;
        if (isOurs(x!)) {
          return execute(backend, "TwotempBatchNorm", own(attrs!.epsilon), [x!, scale!, offset!], 6);
        }
        const none = tf.zeros([0]);
        const all = [...attributes(attrs!.epsilon), ...(relu ? rectified : [])];
        const outputs = execute(backend, op, all, [x!, scale!, offset!, none, none], 6);
        none.dispose();
        return outputs;
      },
    });
    tf.registerGradient({
      kernelName,
      inputsToSave: ["x", "scale", "offset"],
      // Only TensorFlow's op reads the rectified output.
      outputsToSave: [relu, false, false, true, true, true],
      gradFunc: (dys, [x, scale, offset, ...saved], attrs) => {
        const [given] = dys as tf.Tensor[];
        const y = relu ? saved.shift()! : x;
        const all = attributes(attrs.epsilon);
        const [dx, dScale, dOffset] = isOurs(x)
          ? execute(backend, "TwotempBatchNormGradient", own(attrs.epsilon), [given, x, offset, ...saved], 3)
          : execute(backend, "FusedBatchNormGradV3", all, [rectify(given, y), x, scale, ...saved], 5, 3);
        return { x: () => dx, scale: () => dScale, offset: () => dOffset };
      },
    });
  }
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
    // Not by tf.batchNorm, which is several times slower on WebAssembly.
    const distance = tf.sub(input, mean);
    const inverse = tf.rsqrt(tf.add(variance, epsilon));
    const factor = tf.mul(gamma, inverse);
    save([distance, inverse, factor]);
    return {
      value: tf.add(tf.mul(distance, factor), beta),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [distance, inverse, factor] = saved;
        const dOffset = tf.sum(dy, axes);
        const dScale = tf.mul(tf.sum(tf.mul(dy, distance), axes), inverse);
        const shift = tf.div(tf.mul(factor, dOffset), count);
        const tilt = tf.div(tf.mul(factor, tf.mul(inverse, dScale)), count);
        return [tf.sub(tf.sub(tf.mul(dy, factor), shift), tf.mul(distance, tilt)), dScale, dOffset];
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
 * @param scale - [channels]
 * @param offset - [channels]
 * @param epsilon - added to the variance
 * @param options.relu - apply relu to the output, natively in the same op; default false
 * @returns the normalised values, and the statistics for moving averages
 */
export function batchNorm(
  x: tf.Tensor,
  scale: tf.Tensor1D,
  offset: tf.Tensor1D,
  epsilon: number,
  options: { readonly relu?: boolean } = {},
): Normalised {
  const channels = x.shape[x.rank - 1];
  const backend = nativeBackend();
  if (!backend || (options.relu && !hasOneDnn(backend))) {
    const made = backend ? batchNorm(x, scale, offset, epsilon) : composed(x, scale, offset, epsilon);
    return options.relu ? { ...made, output: tf.relu(made.output) } : made;
  }
  const flat = x.rank === 4 ? x : tf.reshape(x, [x.size / channels, 1, 1, channels]);
  const inputs = { x: flat, scale, offset };
  const kernel = options.relu ? rectifiedKernel : plainKernel;
  const [output, mean, variance] = tf.engine().runKernel(kernel, inputs, { epsilon }) as tf.Tensor[];
  return { output: tf.reshape(output, x.shape), mean: mean as tf.Tensor1D, variance: variance as tf.Tensor1D };
}
