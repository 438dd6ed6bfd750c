import * as tf from "@tensorflow/tfjs";
import { TwotempError } from "../errors.js";
import { nativeBackend } from "./native.js";

type Shape4D = [number, number, number, number];
type Pair = [number, number];

/** The geometry of a two-dimensional convolution. */
export type Convolution = ReturnType<typeof tf.backend_util.computeConv2DInfo>;

/** Adds zeros before and after height and width, or takes values away where a number is negative. */
function fit(x: tf.Tensor4D, height: Pair, width: Pair): tf.Tensor4D {
  const paddings = [[0, 0], height, width, [0, 0]] as const;
  const begin = paddings.map(([before]) => Math.max(0, -before)) as Shape4D;
  const size = paddings.map(([before, after], axis) => {
    return x.shape[axis] + Math.min(0, before) + Math.min(0, after);
  }) as Shape4D;
  const zeros = paddings.map(([before, after]): Pair => [Math.max(0, before), Math.max(0, after)]);
  // Each would be a copy.
  const cut = size.every((extent, axis) => extent === x.shape[axis]) ? x : tf.slice4d(x, begin, size);
  return zeros.flat().some((count) => count > 0) ? tf.pad4d(cut, zeros as Parameters<typeof tf.pad4d>[1]) : cut;
}

/** Exactly what the filter sees of the input, padding with it. */
export function seen(x: tf.Tensor4D, shape: Convolution): tf.Tensor4D {
  const { top, left } = shape.padInfo;
  const height = (shape.outHeight - 1) * shape.strideHeight + shape.effectiveFilterHeight;
  const width = (shape.outWidth - 1) * shape.strideWidth + shape.effectiveFilterWidth;
  return fit(x, [top, height - top - x.shape[1]], [left, width - left - x.shape[2]]);
}

/** Puts `stride - 1` zeros between neighbours along height and width. */
function spread(x: tf.Tensor4D, [strideY, strideX]: Pair): tf.Tensor4D {
  if (strideY === 1 && strideX === 1) return x;
  const [batch, height, width, channels] = x.shape;
  const wide = tf.pad(tf.reshape(x, [batch, height, 1, width, 1, channels]), [
    [0, 0],
    [0, 0],
    [0, strideY - 1],
    [0, 0],
    [0, strideX - 1],
    [0, 0],
  ]);
  const whole = tf.reshape(wide, [batch, height * strideY, width * strideX, channels]) as tf.Tensor4D;
  return tf.slice4d(whole, [0, 0, 0, 0], [batch, (height - 1) * strideY + 1, (width - 1) * strideX + 1, channels]);
}

/**
 * The gradient of a convolution's input as a forward convolution: `dy`, spread by the stride, is convolved with the
 * filter turned by 180 degrees and with its channels exchanged.
 *
 * @param dy - gradient of the output, [batch, outHeight, outWidth, outChannels]
 * @param filter - [height, width, inChannels, outChannels]
 */
export function convolutionInputGradient(dy: tf.Tensor4D, filter: tf.Tensor4D, shape: Convolution): tf.Tensor4D {
  return tf.tidy(() => {
    const { inHeight, inWidth, dilationHeight, dilationWidth, effectiveFilterHeight, effectiveFilterWidth } = shape;
    const { top, left } = shape.padInfo;
    const turned = tf.transpose(tf.reverse4d(filter, [0, 1]), [0, 1, 3, 2]);
    const spaced = spread(dy, [shape.strideHeight, shape.strideWidth]);
    const height: Pair = [effectiveFilterHeight - 1 - top, inHeight - spaced.shape[1] + top];
    const width: Pair = [effectiveFilterWidth - 1 - left, inWidth - spaced.shape[2] + left];
    return tf.conv2d(fit(spaced, height, width), turned, 1, "valid", "NHWC", [dilationHeight, dilationWidth]);
  });
}

/**
 * The gradient of a convolution's filter as a forward convolution: the input, with batch and channels exchanged, is
 * convolved with `dy`, with stride and dilation exchanged.
 *
 * @param x - [batch, inHeight, inWidth, inChannels]
 * @param dy - gradient of the output, [batch, outHeight, outWidth, outChannels]
 */
export function convolutionFilterGradient(x: tf.Tensor4D, dy: tf.Tensor4D, shape: Convolution): tf.Tensor4D {
  return tf.tidy(() => {
    const { strideHeight, strideWidth, dilationHeight, dilationWidth } = shape;
    const image = seen(tf.transpose(x, [3, 1, 2, 0]), shape); // the output is then as large as the filter
    const kernel = tf.transpose(dy, [1, 2, 0, 3]);
    const strides: Pair = [dilationHeight, dilationWidth];
    const gradient = tf.conv2d(image, kernel, strides, "valid", "NHWC", [strideHeight, strideWidth]);
    return tf.transpose(gradient, [1, 2, 0, 3]);
  });
}

const isDilated = (dilations: number | readonly number[] | undefined | null): boolean =>
  dilations !== undefined && dilations !== null && [dilations].flat().some((rate) => rate > 1);

/** Whether a convolution of single positions skips some of them. */
const skips = ({ filterHeight, filterWidth, strideHeight, strideWidth, padInfo }: Convolution): boolean =>
  filterHeight * filterWidth === 1 && strideHeight * strideWidth > 1 && padInfo.top === 0 && padInfo.left === 0;

/**
 * The gradient of the filter of a convolution that skips positions: that of the convolution of the others. oneDNN's own
 * is wrong on processors without AVX-512, for some numbers of channels.
 */
function skippingGradient(
  dy: tf.Tensor4D,
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  { strideHeight, strideWidth }: Convolution,
  attrs: tf.Conv2DAttrs,
): tf.Tensor {
  return tf.tidy(() => {
    // Averages of single positions, which are copies: natively they take a third of a slice's time.
    const read = nativeBackend()
      ? tf.avgPool(x, 1, [strideHeight, strideWidth], "valid")
      : tf.stridedSlice(x, [0, 0, 0, 0], [...x.shape], [1, strideHeight, strideWidth, 1]);
    return plainGradients(dy, [read, filter], { ...attrs, strides: [1, 1], pad: "valid" }).filter();
  });
}

/** The gradients of a convolution by input, each computed only if it is asked for. */
function gradients(dy: tf.Tensor4D, x: tf.Tensor4D, filter: tf.Tensor4D, attrs: tf.Conv2DAttrs): Lazy {
  const { strides, pad, dilations, dataFormat, dimRoundingMode } = attrs;
  if (dataFormat !== "NHWC") return plainGradients(dy, [x, filter], attrs);
  const shape = tf.backend_util.computeConv2DInfo(x.shape, filter.shape, strides, dilations, pad, dimRoundingMode);
  if (!isDilated(dilations)) {
    const plain = plainGradients(dy, [x, filter], attrs);
    return skips(shape) ? { ...plain, filter: () => skippingGradient(dy, x, filter, shape, attrs) } : plain;
  }
  return {
    x: () => convolutionInputGradient(dy, filter, shape),
    filter: () => convolutionFilterGradient(x, dy, shape),
  };
}

type Lazy = Record<string, () => tf.Tensor>;
let plainGradients: (dy: tf.Tensor, saved: tf.Tensor[], attrs: tf.Conv2DAttrs) => Lazy;
let used = false;

/**
 * Takes better gradients of convolutions than TensorFlow.js does, on every engine: dilated ones, which it refuses; with
 * bias, without the input's gradient where nobody asks for it; and dilated depthwise ones, whose native gradient is
 * wrong, refused by a typed error.
 */
export function useConvolutionGradients(): void {
  if (used) return;
  used = true;

  const plain = tf.getGradient(tf.Conv2D);
  plainGradients = plain.gradFunc as unknown as typeof plainGradients;
  tf.unregisterGradient(tf.Conv2D);
  tf.registerGradient({
    ...plain,
    gradFunc: (dy, [x, filter], attrs) =>
      gradients(dy as tf.Tensor4D, x as tf.Tensor4D, filter as tf.Tensor4D, attrs as unknown as tf.Conv2DAttrs),
  });
  tf.registerGradient({
    kernelName: tf.FusedConv2D,
    inputsToSave: ["x", "filter"],
    gradFunc: (dy, [x, filter], attrs) => ({
      ...gradients(dy as tf.Tensor4D, x as tf.Tensor4D, filter as tf.Tensor4D, attrs as unknown as tf.Conv2DAttrs),
      bias: () => tf.sum(dy as tf.Tensor4D, [0, 1, 2]),
    }),
  });
  useFusedGradient();
  refuseDilatedDepthwise();
}

/** Sends the convolutions of layers through the gradients above instead of the fused op's own. */
function useFusedGradient(): void {
  const { conv2d } = tf.fused;
  const isFloat = (tensor: unknown, rank: number): boolean =>
    tensor instanceof tf.Tensor && tensor.dtype === "float32" && tensor.rank === rank;
  const convolve = (options: Parameters<typeof conv2d>[0]): tf.Tensor4D | tf.Tensor3D => {
    const { x, filter, bias, strides, pad, dataFormat = "NHWC", dilations = [1, 1], dimRoundingMode } = options;
    const activation = options.activation ?? "linear";
    const ours =
      tf.engine().state.gradientDepth > 0 &&
      (activation === "linear" || activation === "relu") &&
      dataFormat === "NHWC" &&
      isFloat(x, 4) &&
      isFloat(filter, 4) &&
      (!bias || isFloat(bias, 1));
    if (!ours) return conv2d(options);
    const attrs = { strides, pad, dataFormat, dilations, dimRoundingMode, activation: "linear" };
    const out = bias
      ? tf
          .engine()
          .runKernel(tf.FusedConv2D, { x, filter, bias } as unknown as tf.NamedTensorMap, attrs as tf.NamedAttrMap)
      : tf.conv2d(x as tf.Tensor4D, filter, strides, pad, dataFormat, dilations, dimRoundingMode);
    return activation === "relu" ? tf.relu(out as tf.Tensor4D) : (out as tf.Tensor4D);
  };
  (tf.fused as { conv2d: unknown }).conv2d = convolve;
}

function refuseDilatedDepthwise(): void {
  const plain = tf.getGradient(tf.DepthwiseConv2dNative);
  tf.unregisterGradient(tf.DepthwiseConv2dNative);
  tf.registerGradient({
    ...plain,
    gradFunc: (dy, saved, attrs) => {
      const { dilations } = attrs as { dilations?: number | number[] };
      if (isDilated(dilations)) {
        throw new TwotempError(
          "engine/dilated-depthwise",
          `a depthwise convolution with dilation ${dilations} has no gradient: use dilation 1, or an ordinary convolution`,
        );
      }
      return plain.gradFunc(dy, saved, attrs);
    },
  });
}
