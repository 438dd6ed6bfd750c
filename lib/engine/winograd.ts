import * as tf from "@tensorflow/tfjs";
import { allFloat, attribute, type AttributeMaker, execute, type NativeBackend, putInFront } from "./native.js";

type Shape4D = tf.Tensor4D["shape"];

/** How TensorFlow.js gives a convolution to its kernels; gradients come without dilations. */
type How = Pick<tf.Conv2DAttrs, "strides" | "pad" | "dataFormat" | "dimRoundingMode"> & {
  readonly dilations?: tf.Conv2DAttrs["dilations"];
};

/**
 * Whether our convolution by 3x3 is the faster one: its vectors are of channels, its tiles make 2x2 outputs. Both numbers are measured
 * (docs/decisions.md).
 */
function isFaster({ outHeight, outWidth, inChannels, outChannels }: tf.backend_util.Conv2DInfo): boolean {
  const made = 4 * Math.ceil(outHeight / 2) * Math.ceil(outWidth / 2);
  return Math.min(inChannels, outChannels) > 4 && outHeight * outWidth > 0.6 * made;
}

/**
 * The zeros that a convolution adds around its images, as the project's ops for filters of 3x3 without strides
 * (`binding/winograd.cc`) take them; undefined where these can't compute it, or aren't the faster ones. Other kernels refuse
 * some paddings that aren't "same" or "valid".
 *
 * @param x - the input's shape
 * @param filter - [height, width, inChannels, outChannels]
 */
function paddingFor(
  x: readonly number[],
  filter: readonly number[],
  { strides, pad, dataFormat, dilations, dimRoundingMode }: How,
): AttributeMaker | undefined {
  if (filter[0] !== 3 || filter[1] !== 3 || dataFormat !== "NHWC" || x.includes(0)) return undefined;
  const [input, kernel] = [x as Shape4D, filter as Shape4D];
  const shape = tf.backend_util.computeConv2DInfo(input, kernel, strides, dilations ?? 1, pad, dimRoundingMode);
  const { top, bottom, left, right } = shape.padInfo;
  const moves = [shape.strideHeight, shape.strideWidth, shape.dilationHeight, shape.dilationWidth];
  const padding = [top, bottom, left, right];
  const fits =
    moves.every((step) => step === 1) &&
    padding.every((zeros) => [0, 1, 2].includes(zeros)) &&
    Math.min(shape.outHeight, shape.outWidth) > 0;
  return fits && isFaster(shape) ? attribute.int("padding", padding) : undefined;
}

/**
 * Sends convolutions by 3x3 and their gradients through Winograd's minimal filtering where that is faster: 16 products in
 * place of 36 for each 2x2 outputs, with errors of the size of those of a direct convolution in float32. A value that isn't finite
 * spoils all outputs of the tiles that see it.
 */
export function useWinograd(backend: NativeBackend): void {
  const forward = (padding: AttributeMaker, inputs: tf.TensorInfo[], relu: boolean): tf.Tensor => {
    const attributes = [padding, attribute.bool("relu", relu), attribute.int("biases", inputs.length - 2)];
    return execute(backend, "TwotempConvolution", attributes, inputs)[0];
  };
  putInFront<tf.Conv2DAttrs>(tf.Conv2D, ({ x, filter }, how) => {
    const padding = allFloat([x!, filter!]) && paddingFor(x!.shape, filter!.shape, how);
    return padding ? forward(padding, [x!, filter!], false) : undefined;
  });
  putInFront<tf.FusedConv2DAttrs>(tf.FusedConv2D, ({ x, filter, bias }, how) => {
    const activation = how.activation ?? "linear";
    const fits = !bias || (bias.rank === 1 && bias.size === filter!.shape[3]);
    if (!fits || (activation !== "linear" && activation !== "relu")) return undefined;
    const inputs = bias ? [x!, filter!, bias] : [x!, filter!];
    const padding = allFloat(inputs) && paddingFor(x!.shape, filter!.shape, how);
    return padding ? forward(padding, inputs, activation === "relu") : undefined;
  });
  putInFront<tf.Conv2DBackpropInputAttrs>(tf.Conv2DBackpropInput, ({ dy, filter }, how) => {
    const padding = allFloat([dy!, filter!]) && paddingFor(how.inputShape, filter!.shape, how);
    return padding ? execute(backend, "TwotempConvolutionInputGradient", [padding], [dy!, filter!])[0] : undefined;
  });
  putInFront<tf.Conv2DBackpropFilterAttrs>(tf.Conv2DBackpropFilter, ({ x, dy }, how) => {
    const padding = allFloat([x!, dy!]) && paddingFor(x!.shape, how.filterShape, how);
    return padding ? execute(backend, "TwotempConvolutionFilterGradient", [padding], [x!, dy!])[0] : undefined;
  });
}
