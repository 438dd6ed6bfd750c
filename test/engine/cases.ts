import * as tf from "@tensorflow/tfjs";
import { batchNorm, softmaxCrossEntropy } from "../../lib/engine/index.js";
import type { Case } from "./gradientCheck.js";

const image = [3, 6, 5, 4];
const elementwise = (name: string, f: (x: tf.Tensor) => tf.Tensor): Case => ({ name, shapes: [[4, 7]], f });
const positiveVariance = (value: number, input: number): number => (input === 2 ? 0.5 + value * value : value);

type Pool = (x: tf.Tensor, size: number, stride: number, pad: "valid" | "same") => tf.Tensor;

/** Pooling by windows of some sizes and strides, padded and not. */
const poolings =
  (name: string, shape: number[], ...windows: [size: number, stride: number][]) =>
  (pool: Pool): Case[] =>
    (["valid", "same"] as const).flatMap((pad) =>
      windows.map(([size, stride]) => ({
        name: `${name} ${size} by ${stride} ${pad}`,
        shapes: [shape],
        f: (x) => pool(x, size, stride, pad),
      })),
    );

/** Batch normalisation with the batch's statistics. */
function batchNorms(channels: number): Case[] {
  const shapes = [[3, 6, 5, channels], [channels], [channels]];
  const name = `batchNorm of ${channels} channels`;
  const normalised =
    (relu: boolean): Case["f"] =>
    (x, scale, offset) =>
      batchNorm(x, scale as tf.Tensor1D, offset as tf.Tensor1D, 1e-3, { relu }).output;
  const reference: Case["f"] = (x, scale, offset) => composedBatchNorm(x, scale, offset);
  return [
    { name, shapes, f: normalised(false), reference },
    { name: `${name}, of vectors`, shapes: [[9, channels], ...shapes.slice(1)], f: normalised(false), reference },
    {
      name: `${name}, then relu`,
      shapes,
      // Away from relu's bend, where no finite difference is a slope.
      map: (value, input) => [value, 0.3 * value, value + 2 * Math.sign(value)][input],
      f: normalised(true),
      reference: (x, scale, offset) => tf.relu(composedBatchNorm(x, scale, offset)),
    },
  ];
}

/** Functions of which a fast engine takes other gradients than TensorFlow.js composes. */
export const fusedCases: readonly Case[] = [
  elementwise("relu", tf.relu),
  elementwise("relu6", (x) => tf.relu6(tf.mul(x, 4))),
  elementwise("selu", tf.selu),
  elementwise("leakyRelu", (x) => tf.leakyRelu(x, 0.3)),
  elementwise("sigmoid", tf.sigmoid),
  elementwise("tanh", tf.tanh),
  elementwise("elu", tf.elu),
  elementwise("softplus", tf.softplus),
  ...poolings("maxPool", image, [2, 2], [3, 2], [3, 1])((x, ...how) => tf.maxPool(x as tf.Tensor4D, ...how)),
  ...poolings("avgPool", image, [2, 2], [3, 2], [5, 1])((x, ...how) => tf.avgPool(x as tf.Tensor4D, ...how)),
  ...poolings("avgPool3d", [2, 4, 5, 3, 2], [2, 2], [3, 1])((x, ...how) => tf.avgPool3d(x as tf.Tensor5D, ...how)),
  { name: "maxPool of one image", shapes: [[6, 5, 4]], f: (x) => tf.maxPool(x as tf.Tensor3D, 2, 2, "valid") },
  {
    name: "batchNorm with given statistics",
    shapes: [image, [4], [4], [4], [4]],
    map: positiveVariance,
    f: (x, mean, variance, offset, scale) =>
      tf.batchNorm(x, mean as tf.Tensor1D, variance as tf.Tensor1D, offset as tf.Tensor1D, scale as tf.Tensor1D),
  },
  // The project's own kernel takes eight channels at a time, and several rows as one where these are no multiple of eight.
  ...[12, 56].flatMap(batchNorms),
  { name: "batchNorm composed by TensorFlow.js", shapes: [image, [4], [4]], f: composedBatchNorm },
  {
    name: "softmax cross entropy",
    shapes: [[5, 4]],
    f: (logits) => softmaxCrossEntropy(tf.oneHot([0, 3, 1, 1, 2], 4).toFloat() as tf.Tensor2D, logits as tf.Tensor2D),
    reference: (logits) => tf.losses.softmaxCrossEntropy(tf.oneHot([0, 3, 1, 1, 2], 4), logits),
  },
  {
    name: "softmax cross entropy with soft labels",
    shapes: [[5, 4]],
    f: (logits) => softmaxCrossEntropy(tf.fill([5, 4], 0.25) as tf.Tensor2D, logits as tf.Tensor2D),
    reference: (logits) => tf.losses.softmaxCrossEntropy(tf.fill([5, 4], 0.25), logits),
  },
  ...[
    { axis: 0, keep: false },
    { axis: [0, 1, 2], keep: false },
    { axis: [2, 3], keep: true },
    { axis: 1, keep: true },
  ].flatMap(({ axis, keep }): Case[] => [
    { name: `sum over ${axis}, ${keep}`, shapes: [image], f: (x) => tf.square(tf.sum(x, axis, keep)) },
    { name: `mean over ${axis}, ${keep}`, shapes: [image], f: (x) => tf.square(tf.mean(x, axis, keep)) },
  ]),
  ...[false, true].flatMap((left) =>
    [false, true].map((right): Case => ({
      name: `matMul ${left} ${right}`,
      shapes: [left ? [2, 5, 3] : [2, 3, 5], right ? [2, 4, 5] : [2, 5, 4]],
      f: (a, b) => tf.matMul(a, b, left, right),
    })),
  ),
  {
    name: "gather",
    shapes: [[5, 3]],
    f: (x) => tf.gather(x, tf.tensor1d([4, 0, 4, 1], "int32")),
  },
];

function composedBatchNorm(x: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor): tf.Tensor {
  const { mean, variance } = tf.moments(x, x.rank === 4 ? [0, 1, 2] : [0]);
  return tf.batchNorm(
    x,
    mean as tf.Tensor1D,
    variance as tf.Tensor1D,
    offset as tf.Tensor1D,
    scale as tf.Tensor1D,
    1e-3,
  );
}

type Padding = "valid" | "same" | number;

/** [(taps - 1) dilation + 1, taps]: spreads taps out. */
function spreading(taps: number, dilation: number): tf.Tensor2D {
  const extent = (taps - 1) * dilation + 1;
  const at = (row: number, tap: number): number => (row === tap * dilation ? 1 : 0);
  return tf.tensor2d(
    Array.from({ length: extent }, (_, row) => Array.from({ length: taps }, (_, tap) => at(row, tap))),
  );
}

/** A filter with zeros between its taps: an undilated convolution with it is the dilated one. */
function spreadFilter(filter: tf.Tensor4D, dilation: number): tf.Tensor4D {
  const [height, width, channels, outputs] = filter.shape;
  const inner = channels * outputs;
  const tall = tf.matMul(spreading(height, dilation), tf.reshape(filter, [height, -1]) as tf.Tensor2D);
  const turned = tf.transpose(tf.reshape(tall, [-1, width, inner]), [1, 0, 2]);
  const wide = tf.matMul(spreading(width, dilation), tf.reshape(turned, [width, -1]) as tf.Tensor2D);
  const back = tf.transpose(tf.reshape(wide, [wide.shape[0], -1, inner]), [1, 0, 2]);
  return tf.reshape(back, [back.shape[0], back.shape[1]!, channels, outputs]) as tf.Tensor4D;
}

function convolution(
  size: [number, number],
  stride: number | [number, number],
  dilation: number,
  pad: Padding,
  fused: boolean = false,
  image: readonly [number, number, number, number] = [2, 9, 8, 3],
): Case {
  const shapes = [[...image], [...size, image[3], 4], ...(fused ? [[4]] : [])];
  return {
    name: `convolution ${size} by ${stride}, dilation ${dilation}, ${pad}${fused ? ", fused" : ""} of ${image}`,
    shapes,
    f: (x, filter, bias) => {
      const [image, kernel] = [x as tf.Tensor4D, filter as tf.Tensor4D];
      return bias
        ? tf.fused.conv2d({ x: image, filter: kernel, strides: stride, pad, dilations: dilation, bias })
        : tf.conv2d(image, kernel, stride, pad, "NHWC", dilation);
    },
    reference: (x, filter, bias) => {
      const out = tf.conv2d(x as tf.Tensor4D, spreadFilter(filter as tf.Tensor4D, dilation), stride, pad);
      return bias ? tf.add(out, bias) : out;
    },
  };
}

/** Convolutions of each size by every stride, padding and dilation that works natively. */
const convolutions = (sizes: readonly [number, number][]): Case[] =>
  (["valid", "same"] as const).flatMap((pad) =>
    sizes.flatMap((size) => [
      ...[1, 2, 3, [2, 1] as [number, number]].map((stride) => convolution(size, stride, 1, pad)),
      ...(size[0] <= 3 ? [2, 3].map((dilation) => convolution(size, 1, dilation, pad)) : []),
    ]),
  );

/** Convolutions of the usual size, and those that are special. */
export const convolutionCases: readonly Case[] = [
  ...convolutions([[3, 3]]),
  // oneDNN is wrong in some of these.
  ...[1, 2, 4].map((channels) => convolution([1, 1], 2, 1, "same", false, [6, 8, 8, channels])),
  convolution([3, 3], 1, 1, "same", true),
  convolution([3, 3], 1, 2, "same", true),
  convolution([3, 3], 2, 1, "valid", true),
];

/** Convolutions of other sizes, for slow tests. */
export const otherConvolutionCases: readonly Case[] = convolutions([
  [1, 1],
  [2, 2],
  [3, 2],
  [5, 5],
]);

/** Explicit padding, which the native engine's gradient has not. */
export const paddedCases: readonly Case[] = [convolution([3, 3], 2, 1, 1), convolution([3, 3], 1, 2, 2)];

/** Undilated depthwise convolutions. */
export const depthwiseCases: readonly Case[] = (["valid", "same"] as const).flatMap((pad) =>
  [1, 2].flatMap((stride) =>
    [1, 2].map((multiplier): Case => ({
      name: `depthwise by ${stride}, multiplier ${multiplier}, ${pad}`,
      shapes: [
        [2, 7, 6, 3],
        [3, 3, 3, multiplier],
      ],
      f: (x, filter) => tf.depthwiseConv2d(x as tf.Tensor4D, filter as tf.Tensor4D, stride, pad),
    })),
  ),
);
