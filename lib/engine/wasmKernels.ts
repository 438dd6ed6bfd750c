import * as tf from "@tensorflow/tfjs";
import { convolutionFilterGradient, convolutionInputGradient } from "./convolution.js";

/** Replaces or adds a kernel of the WebAssembly backend, written in TensorFlow.js's own ops. */
function replaceKernel(
  kernelName: string,
  kernel: (
    inputs: Record<string, tf.Tensor>,
    attrs: Record<string, unknown>,
    stock: () => tf.TensorInfo | tf.TensorInfo[],
  ) => tf.TensorInfo | tf.TensorInfo[],
): void {
  const stock = tf.getKernel(kernelName, "wasm");
  if (stock) tf.unregisterKernel(kernelName, "wasm");
  tf.registerKernel({
    // Without the stock disposal, which would need the stock's set-up.
    kernelName,
    backendName: "wasm",
    setupFunc: stock?.setupFunc,
    disposeFunc: stock?.disposeFunc,
    kernelFunc: (params) =>
      kernel(params.inputs as unknown as Record<string, tf.Tensor>, params.attrs as Record<string, unknown>, () =>
        stock!.kernelFunc(params),
      ),
  });
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1);

/**
 * The mean over the first axes as average pooling over an image of one column: thirty times faster than the stock sum,
 * which transposes first. Undefined where other axes are averaged over.
 */
function leadingMean(x: tf.Tensor, axis: number | number[], keepDims: boolean): tf.Tensor | undefined {
  const axes = tf.util.parseAxisParam(axis, x.shape).sort((a, b) => a - b);
  const count = sizeOf(axes.map((i) => x.shape[i]));
  const leading = axes.length < x.rank && axes.every((a, i) => a === i);
  if (!leading || x.dtype !== "float32" || x.size === 0 || count === 1) return undefined;
  const shape = x.shape.flatMap((extent, i) => (!axes.includes(i) ? [extent] : keepDims ? [1] : []));
  const image = tf.reshape(x, [1, count, 1, x.size / count]) as tf.Tensor4D;
  return tf.reshape(tf.avgPool(image, [count, 1], 1, "valid"), shape);
}

/** The last two axes exchanged. */
function transposed(x: tf.Tensor): tf.Tensor {
  const axes = x.shape.map((_, axis) => axis);
  axes.push(...axes.splice(-2).reverse());
  return tf.transpose(x, axes);
}

/** From so many multiplications a product on, products of a batch are faster one by one. */
const worthOneByOne = 200_000;

/** The products of a batch, each by the stock kernel's fast path, which takes a batch of one only; the other is 14 times slower. */
function productsOneByOne(a: tf.Tensor3D, b: tf.Tensor3D): tf.Tensor {
  const [batch, rows, inner] = a.shape;
  const [, , columns] = b.shape;
  const [left, right] = [a.dataSync(), b.dataSync()];
  const products = new Float32Array(batch * rows * columns);
  const matrix = (values: typeof left, i: number, height: number, width: number): tf.Tensor3D =>
    tf.tensor3d(values.subarray(i * height * width, (i + 1) * height * width), [1, height, width]);
  for (let i = 0; i < batch; i++) {
    tf.tidy(() => {
      const product = tf.matMul(matrix(left, i, rows, inner), matrix(right, i, inner, columns));
      products.set(product.dataSync(), i * rows * columns);
    });
  }
  return tf.tensor3d(products, [batch, rows, columns]);
}

/** One shift of a depthwise window: where each output reads the padded input. */
function* shifts(shape: ReturnType<typeof tf.backend_util.computeConv2DInfo>): Generator<[number, number]> {
  for (let u = 0; u < shape.filterHeight; u++) for (let v = 0; v < shape.filterWidth; v++) yield [u, v];
}

/** Sends each output's gradient to the first of the largest values of its window. */
function maxPoolGradient(x: tf.Tensor, dy: tf.Tensor, attrs: tf.MaxPoolGradAttrs): tf.Tensor {
  const shape = x.shape as [number, number, number, number];
  const pool = tf.backend_util.computePool2DInfo(
    shape,
    attrs.filterSize,
    attrs.strides,
    1,
    attrs.pad,
    attrs.dimRoundingMode,
  );
  const [batch, height, width, channels] = shape;
  const { outHeight, outWidth, strideHeight, strideWidth, effectiveFilterHeight, effectiveFilterWidth } = pool;
  const values = x.dataSync();
  const given = dy.dataSync();
  const gradient = new Float32Array(x.size);
  let from = 0;
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < outHeight; i++) {
      const top = i * strideHeight - pool.padInfo.top;
      for (let j = 0; j < outWidth; j++) {
        const left = j * strideWidth - pool.padInfo.left;
        const [firstRow, lastRow] = [Math.max(0, top), Math.min(height, top + effectiveFilterHeight)];
        const [firstColumn, lastColumn] = [Math.max(0, left), Math.min(width, left + effectiveFilterWidth)];
        for (let c = 0; c < channels; c++) {
          let best = ((b * height + firstRow) * width + firstColumn) * channels + c;
          for (let row = firstRow; row < lastRow; row++) {
            let at = ((b * height + row) * width + firstColumn) * channels + c;
            for (let column = firstColumn; column < lastColumn; column++, at += channels) {
              if (values[at] > values[best]) best = at;
            }
          }
          gradient[best] += given[from++];
        }
      }
    }
  }
  return tf.tensor(gradient, shape);
}

let used = false;

/**
 * Adds to the WebAssembly backend the gradients that it lacks, and replaces kernels that are slow for no reason.
 * Call it before the backend starts, so that the kernels' own set-up runs.
 */
export function useWasmKernels(): void {
  if (used) return;
  used = true;

  // A transposed operand sends the stock kernel down a path twelve times slower than transposing first.
  replaceKernel(tf.BatchMatMul, ({ a, b }, { transposeA, transposeB }, stock) => {
    if (transposeA || transposeB) {
      return tf.tidy(() => tf.matMul(transposeA ? transposed(a) : a, transposeB ? transposed(b) : b));
    }
    const [x, y] = [a, b] as [tf.Tensor3D, tf.Tensor3D];
    const [batch, rows, inner] = x.shape;
    const many = a.dtype === "float32" && b.dtype === "float32" && batch > 1 && batch === y.shape[0];
    return many && rows * inner * y.shape[2] >= worthOneByOne ? productsOneByOne(x, y) : stock();
  });

  replaceKernel(tf.Mean, ({ x }, { axis, keepDims }, stock) => {
    const mean = (): tf.Tensor | undefined => leadingMean(x, axis as number | number[], Boolean(keepDims));
    return tf.tidy(() => mean() as tf.Tensor) ?? stock();
  });

  replaceKernel(tf.Sum, ({ x }, { axis, keepDims }, stock) => {
    const sum = (): tf.Tensor | undefined => {
      const mean = leadingMean(x, axis as number | number[], Boolean(keepDims));
      return mean && tf.mul(mean, x.size / mean.size);
    };
    return tf.tidy(() => sum() as tf.Tensor) ?? stock();
  });

  replaceKernel(tf.Conv2DBackpropInput, ({ dy, filter }, attrs, stock) => {
    const { strides, pad, dataFormat, dimRoundingMode, inputShape } = attrs as unknown as tf.Conv2DBackpropInputAttrs;
    if (dataFormat !== "NHWC") return stock();
    const filterShape = filter.shape as [number, number, number, number];
    const shape = tf.backend_util.computeConv2DInfo(inputShape, filterShape, strides, 1, pad, dimRoundingMode);
    return convolutionInputGradient(dy as tf.Tensor4D, filter as tf.Tensor4D, shape);
  });

  replaceKernel(tf.Conv2DBackpropFilter, ({ x, dy }, attrs) => {
    const { strides, pad, dimRoundingMode, filterShape } = attrs as unknown as tf.Conv2DBackpropFilterAttrs;
    const inShape = x.shape as [number, number, number, number];
    const shape = tf.backend_util.computeConv2DInfo(inShape, filterShape, strides, 1, pad, dimRoundingMode);
    return convolutionFilterGradient(x as tf.Tensor4D, dy as tf.Tensor4D, shape);
  });

  replaceKernel(tf.DepthwiseConv2dNativeBackpropFilter, ({ x, dy }, attrs) => {
    const { strides, pad, dimRoundingMode, filterShape } =
      attrs as unknown as tf.DepthwiseConv2dNativeBackpropFilterAttrs;
    const inShape = x.shape as [number, number, number, number];
    const shape = tf.backend_util.computeConv2DInfo(inShape, filterShape, strides, 1, pad, dimRoundingMode, true);
    const { top, bottom, left, right } = shape.padInfo;
    const [batch, , , channels] = inShape;
    const multiplier = filterShape[3];
    return tf.tidy(() => {
      const padded = tf.pad4d(x as tf.Tensor4D, [
        [0, 0],
        [top, bottom],
        [left, right],
        [0, 0],
      ]);
      const { outHeight, outWidth, strideHeight, strideWidth } = shape;
      const grouped = tf.reshape(dy, [batch * outHeight * outWidth, channels, multiplier]);
      const taps = [...shifts(shape)].map(([u, v]) => {
        const end = [batch, u + (outHeight - 1) * strideHeight + 1, v + (outWidth - 1) * strideWidth + 1, channels];
        const read = tf.stridedSlice(padded, [0, u, v, 0], end, [1, strideHeight, strideWidth, 1]);
        return tf.sum(tf.mul(tf.reshape(read, [-1, channels, 1]), grouped), 0);
      });
      return tf.reshape(tf.stack(taps), filterShape);
    });
  });

  replaceKernel(tf.DepthwiseConv2dNativeBackpropInput, ({ dy, filter }, attrs) => {
    const { strides, pad, dimRoundingMode, inputShape } =
      attrs as unknown as tf.DepthwiseConv2dNativeBackpropInputAttrs;
    const filterShape = filter.shape as [number, number, number, number];
    const shape = tf.backend_util.computeConv2DInfo(inputShape, filterShape, strides, 1, pad, dimRoundingMode, true);
    const [height, width, channels, multiplier] = filterShape;
    return tf.tidy(() => {
      // As an ordinary convolution whose filter is block diagonal: one block a channel.
      const blocks = tf.mul(
        tf.reshape(filter, [height, width, channels, 1, multiplier]),
        tf.reshape(tf.eye(channels), [1, 1, channels, channels, 1]),
      );
      const full = tf.reshape(blocks, [height, width, channels, channels * multiplier]) as tf.Tensor4D;
      const ordinary = tf.backend_util.computeConv2DInfo(inputShape, full.shape, strides, 1, pad, dimRoundingMode);
      return convolutionInputGradient(dy as tf.Tensor4D, full, { ...ordinary, padInfo: shape.padInfo });
    });
  });

  // The stock kernel gives wrong gradients.
  replaceKernel(tf.MaxPoolGrad, ({ input, dy }, attrs) =>
    maxPoolGradient(input, dy, attrs as unknown as tf.MaxPoolGradAttrs),
  );

  replaceKernel(tf.UnsortedSegmentSum, ({ x, segmentIds }, attrs) => {
    const count = attrs.numSegments as number;
    const shape = x.shape.slice(segmentIds.rank);
    const inner = sizeOf(shape);
    const values = x.dataSync();
    const sums = new Float64Array(count * inner);
    segmentIds.dataSync().forEach((segment, row) => {
      for (let i = 0; i < inner && segment >= 0; i++) sums[segment * inner + i] += values[row * inner + i];
    });
    return tf.tensor(Float32Array.from(sums), [count, ...shape], x.dtype);
  });
}
