import * as tf from "@tensorflow/tfjs";
import { TwotempError } from "../errors.js";
import { useNativeBatchNorm } from "./batchNorm.js";
import { seen } from "./convolution.js";
import { useNativeMaxPool } from "./maxPool.js";
import { attribute, execute, hasOwnKernels, type NativeBackend, putInFront } from "./native.js";
import { hasOneDnn, oneDnnKernel } from "./oneDnn.js";
import { useWinograd } from "./winograd.js";

/** A reshape to the shape that is there already, of which TensorFlow.js makes many, shares the data. */
function useSharedReshape(backend: NativeBackend): void {
  putInFront<tf.ReshapeAttrs>(tf.Reshape, ({ x }, { shape }) => {
    const wanted = tf.util.inferFromImplicitShape(shape, x!.size);
    if (!tf.util.arraysEqual(wanted, x!.shape)) return undefined;
    backend.incRef(x!.dataId);
    return { dataId: x!.dataId, shape: x!.shape, dtype: x!.dtype };
  });
}

/** A cast to the type that is there already, of which gradients make many, shares the data. */
function useSharedCast(backend: NativeBackend): void {
  putInFront<tf.CastAttrs>(tf.Cast, ({ x }, { dtype }) => {
    if (dtype !== x!.dtype) return undefined;
    backend.incRef(x!.dataId);
    return { dataId: x!.dataId, shape: x!.shape, dtype };
  });
}

/** A sum over all axes but the last, as the gradient of a bias is: TensorFlow's op for that is three times faster. */
function useBiasGradient(backend: NativeBackend): void {
  putInFront<tf.SumAttrs>(tf.Sum, ({ x }, { axis, keepDims }) => {
    if (x!.dtype !== "float32" || x!.rank < 2 || x!.size === 0) return undefined;
    const axes = tf.util.parseAxisParam(axis, x!.shape);
    if (axes.length !== x!.rank - 1 || axes.includes(x!.rank - 1)) return undefined;
    return tf.tidy(() => {
      const [sum] = execute(backend, "BiasAddGrad", [attribute.float32("T")], [x!]);
      return keepDims ? tf.reshape(sum, [...axes.map(() => 1), sum.size]) : sum;
    });
  });
}

/**
 * A convolution whose output is one position wide has no stride of its width: oneDNN, with AVX-512, reads the wrong
 * ones of an image of one channel by it.
 */
function useNarrowConvolutions(): void {
  for (const kernelName of [tf.Conv2D, tf.FusedConv2D]) {
    putInFront<tf.Conv2DAttrs>(kernelName, (inputs, attributes) => {
      const { strides, pad, dataFormat, dilations, dimRoundingMode } = attributes;
      if (dataFormat !== "NHWC") return undefined;
      const x = inputs.x as tf.Tensor4D;
      const filterShape = inputs.filter!.shape as tf.Tensor4D["shape"];
      const shape = tf.backend_util.computeConv2DInfo(x.shape, filterShape, strides, dilations, pad, dimRoundingMode);
      if (shape.outWidth !== 1 || shape.strideWidth === 1) return undefined;
      return tf.tidy(() => {
        const given = { ...inputs, x: seen(x, shape) } as tf.NamedTensorMap;
        const how = { ...attributes, strides: [shape.strideHeight, 1], pad: "valid" };
        return tf.engine().runKernel(kernelName, given, how as unknown as tf.NamedAttrMap) as tf.Tensor;
      });
    });
  }
}

/** Transposed convolutions to a size that the other way doesn't lead back from: oneDNN would end the process. */
function refuseMisfits(): void {
  putInFront<tf.Conv2DBackpropInputAttrs>(tf.Conv2DBackpropInput, ({ dy, filter }, attributes) => {
    const { inputShape, strides, pad, dataFormat, dimRoundingMode } = attributes;
    if (dataFormat !== "NHWC") return undefined;
    const filterShape = filter!.shape as tf.Tensor4D["shape"];
    const { outShape } = tf.backend_util.computeConv2DInfo(inputShape, filterShape, strides, 1, pad, dimRoundingMode);
    if (tf.util.arraysEqual(outShape, dy!.shape)) return undefined;
    throw new TwotempError(
      "engine/shape",
      `a transposed convolution can't make [${inputShape}] of [${dy!.shape}]: it would have to be given [${outShape}]`,
    );
  });
}

/** Convolution and bias in one op. */
function useConvolutionWithBias(backend: NativeBackend): void {
  putInFront<tf.FusedConv2DAttrs>(tf.FusedConv2D, ({ x, filter, bias }, attributes) => {
    const { strides, pad, dataFormat, dilations, dimRoundingMode, activation } = attributes;
    if (!bias || bias.rank !== 1 || bias.size !== filter!.shape[3] || dataFormat !== "NHWC") return undefined;
    if (activation && activation !== "linear") return undefined;
    const inShape = x!.shape as [number, number, number, number];
    const filterShape = filter!.shape as [number, number, number, number];
    const shape = tf.backend_util.computeConv2DInfo(inShape, filterShape, strides, dilations, pad, dimRoundingMode);
    if (shape.padInfo.type !== "VALID" && shape.padInfo.type !== "SAME") return undefined;
    return execute(
      backend,
      "_MklNativeConv2DWithBias",
      [
        attribute.float32("T"),
        attribute.int("strides", [1, shape.strideHeight, shape.strideWidth, 1]),
        attribute.string("padding", shape.padInfo.type),
        attribute.string("data_format", "NHWC"),
        attribute.int("dilations", [1, shape.dilationHeight, shape.dilationWidth, 1]),
        oneDnnKernel,
      ],
      [x!, filter!, bias],
    )[0];
  });
}

/** Numbers of channels for which our filter gradient is faster; it takes eight of the output's at a time. */
const suitsFilterGradient = (inChannels: number, outChannels: number): boolean =>
  inChannels >= 4 && (outChannels > 16 || (outChannels > 0 && outChannels % 8 === 0));

/**
 * The gradient of a convolution's filter by the project's own op (`binding/filterGradient.cc`), for filters of several
 * positions; undefined where it isn't the faster one. With AVX-512 it never is: then it is there for tests alone.
 */
export function filterGradient(
  backend: NativeBackend,
  x: tf.Tensor,
  dy: tf.Tensor,
  { strides, pad, dataFormat, dimRoundingMode, filterShape }: tf.Conv2DBackpropFilterAttrs,
): tf.Tensor | undefined {
  const [height, width, inChannels, outChannels] = filterShape;
  const isEmpty = x.shape.includes(0) || dy.shape.includes(0);
  const fits = height * width > 1 && !isEmpty && suitsFilterGradient(inChannels, outChannels);
  if (!fits || dataFormat !== "NHWC" || x.dtype !== "float32" || dy.dtype !== "float32") return undefined;
  const inShape = x.shape as [number, number, number, number];
  const shape = tf.backend_util.computeConv2DInfo(inShape, filterShape, strides, 1, pad, dimRoundingMode);
  return execute(
    backend,
    "TwotempFilterGradient",
    [
      attribute.int("filter", [height, width]),
      attribute.int("strides", [shape.strideHeight, shape.strideWidth]),
      attribute.int("before", [shape.padInfo.top, shape.padInfo.left]),
    ],
    [x, dy],
  )[0];
}

let used = false;

/** Replaces kernels of the native backend where TensorFlow or the project has a faster op; they compute the same, but for rounding. */
export function useNativeKernels(backend: NativeBackend): void {
  if (used) return;
  used = true;
  useSharedReshape(backend);
  useSharedCast(backend);
  useNativeBatchNorm(backend);
  useBiasGradient(backend);
  if (hasOwnKernels(backend) && !backend.binding.hasAvx512) {
    putInFront<tf.Conv2DBackpropFilterAttrs>(tf.Conv2DBackpropFilter, ({ x, dy }, attributes) =>
      filterGradient(backend, x!, dy!, attributes),
    );
  }
  if (hasOneDnn(backend)) {
    useNativeMaxPool(backend);
    useConvolutionWithBias(backend);
    useNarrowConvolutions(); // in front of the one before
  }
  if (hasOwnKernels(backend)) useWinograd(backend); // in front of all of these
  refuseMisfits();
}
