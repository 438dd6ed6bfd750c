import * as tf from "@tensorflow/tfjs";

type Pooling = tf.AvgPoolGradAttrs & tf.AvgPool3DGradAttrs;

/** Where the windows lie along one axis. */
interface Axis {
  readonly size: number;
  readonly window: number;
  readonly stride: number;
  /** How much is padded in front. */
  readonly before: number;
  /** How many windows there are. */
  readonly count: number;
}

function axesOf(shape: readonly number[], { filterSize, strides, pad, dimRoundingMode }: Pooling): Axis[] {
  const { backend_util: util } = tf;
  if (shape.length === 4) {
    const size = shape as [number, number, number, number];
    const info = util.computePool2DInfo(size, filterSize as number, strides as number, 1, pad, dimRoundingMode);
    const { filterHeight, filterWidth, strideHeight, strideWidth, padInfo, outHeight, outWidth } = info;
    return [
      { size: shape[1], window: filterHeight, stride: strideHeight, before: padInfo.top, count: outHeight },
      { size: shape[2], window: filterWidth, stride: strideWidth, before: padInfo.left, count: outWidth },
    ];
  }
  const size = shape as [number, number, number, number, number];
  const info = util.computePool3DInfo(size, filterSize, strides, 1, pad as "same", dimRoundingMode);
  const { filterDepth, filterHeight, filterWidth, strideDepth, strideHeight, strideWidth, padInfo } = info;
  return [
    { size: shape[1], window: filterDepth, stride: strideDepth, before: padInfo.front, count: info.outDepth },
    { size: shape[2], window: filterHeight, stride: strideHeight, before: padInfo.top, count: info.outHeight },
    { size: shape[3], window: filterWidth, stride: strideWidth, before: padInfo.left, count: info.outWidth },
  ];
}

/** For each window the extent that it has over how much of that lies inside the image, along one axis. */
function shares({ size, window, stride, before, count }: Axis): number[] {
  return Array.from({ length: count }, (_, i) => {
    const first = i * stride - before;
    return window / (Math.min(size, first + window) - Math.max(0, first));
  });
}

/**
 * Mends the gradient of average pooling on a backend of TensorFlow.js's own: the mean is over what of a window lies inside
 * the image, but its gradient is shared out over the whole window, so that it is too small at padded edges.
 */
export function mendAveragePoolGradients(backendName: "cpu" | "wasm"): void {
  for (const kernelName of [tf.AvgPoolGrad, tf.AvgPool3DGrad]) {
    const stock = tf.getKernel(kernelName, backendName);
    if (!stock || mended.has(stock.kernelFunc)) continue;
    const kernelFunc: tf.KernelFunc = (params) => {
      const { dy, input } = params.inputs as unknown as Record<"dy" | "input", tf.Tensor>;
      const axes = axesOf(input.shape, params.attrs as unknown as Pooling).map(shares);
      if (axes.every((share) => share.every((value) => value === 1))) return stock.kernelFunc(params);
      return tf.tidy(() => {
        const whole = axes.reduce<tf.Tensor>((gradient, share, axis) => {
          const shape = dy.shape.map((_, i) => (i === axis + 1 ? share.length : 1));
          return tf.mul(gradient, tf.tensor(share, shape));
        }, dy);
        return stock.kernelFunc({ ...params, inputs: { ...params.inputs, dy: whole } }) as tf.Tensor;
      });
    };
    mended.add(kernelFunc);
    tf.unregisterKernel(kernelName, backendName);
    tf.registerKernel({ ...stock, kernelFunc });
  }
}

/** Kernels that are mended already, since a backend may be started again. */
const mended = new WeakSet<tf.KernelFunc>();
