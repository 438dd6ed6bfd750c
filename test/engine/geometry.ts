import fc from "fast-check";
import * as tf from "@tensorflow/tfjs";
import type { Random } from "../../lib/engine/index.js";

/** A two-dimensional convolution of a batch of images. */
export interface Geometry {
  readonly batch: number;
  readonly image: [height: number, width: number];
  readonly channels: [input: number, output: number];
  readonly taps: [height: number, width: number];
  readonly strides: [number, number];
  readonly dilations: [number, number];
  readonly padding: "valid" | "same";
}

const pair = (most: number): fc.Arbitrary<[number, number]> =>
  fc.tuple(fc.integer({ min: 1, max: most }), fc.integer({ min: 1, max: most }));

/** Random ones; TensorFlow takes no strides together with dilations. */
export const geometries: fc.Arbitrary<Geometry> = fc
  .record({
    batch: fc.integer({ min: 1, max: 70 }),
    image: pair(15),
    channels: pair(12),
    taps: pair(4),
    moves: fc.oneof(
      fc.record({ strides: pair(3), dilations: fc.constant<[number, number]>([1, 1]) }),
      fc.record({ strides: fc.constant<[number, number]>([1, 1]), dilations: pair(3) }),
    ),
    padding: fc.constantFrom("valid" as const, "same" as const),
  })
  .map(({ moves, ...rest }): Geometry => ({ ...rest, ...moves }))
  .filter(
    ({ padding, image, taps, dilations }) =>
      padding === "same" || image.every((extent, axis) => extent > (taps[axis] - 1) * dilations[axis]),
  );

/** Random whole numbers: sums of their products are exact, where others, once they cancel, differ by the order of their terms. */
export const wholeNumbers = (random: Random, shape: number[]): tf.Tensor =>
  tf.tensor(
    random.normals(tf.util.sizeFromShape(shape)).map((value) => Math.round(4 * value)),
    shape,
  );

/** A convolution as products of shifted images with the taps of its kernel: no convolution of TensorFlow's is in it. */
export function byTaps(x: tf.Tensor, kernel: tf.Tensor, { taps, strides, dilations, padding }: Geometry): tf.Tensor {
  const shape = kernel.shape as tf.Tensor4D["shape"];
  const info = tf.backend_util.computeConv2DInfo(x.shape as typeof shape, shape, strides, dilations, padding);
  const { top, bottom, left, right } = info.padInfo;
  const padded = tf.pad(x, [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ]);
  const products: tf.Tensor[] = [];
  for (let down = 0; down < taps[0]; down++) {
    for (let across = 0; across < taps[1]; across++) {
      const at = (count: number, stride: number, first: number): number[] =>
        Array.from({ length: count }, (_, i) => i * stride + first);
      const rows = tf.gather(padded, at(info.outHeight, strides[0], down * dilations[0]), 1);
      const images = tf.gather(rows, at(info.outWidth, strides[1], across * dilations[1]), 2);
      const tap = tf.reshape(tf.slice(kernel, [down, across, 0, 0], [1, 1, -1, -1]), shape.slice(2));
      products.push(tf.matMul(tf.reshape(images, [-1, shape[2]]), tap as tf.Tensor2D));
    }
  }
  return tf.reshape(tf.addN(products), info.outShape);
}

/** The largest absolute entry; 0 of none. */
export const largest = (of: tf.Tensor): number => Math.max(0, tf.max(tf.abs(of)).dataSync()[0]);
