import * as tf from "@tensorflow/tfjs";
import { TwotempError } from "../errors.js";

/** Images resized at once; bounds the memory of the floating-point copies. */
const imagesAtOnce = 1000;

/**
 * `[height, width]` of a size that may be one number for both.
 *
 * @throws TwotempError `data/size`
 */
export function sidesOf(size: number | readonly [number, number]): readonly [number, number] {
  const sides = typeof size === "number" ? ([size, size] as const) : size;
  const isSide = (length: number): boolean => Number.isInteger(length) && length > 0 && length <= 4096;
  if (Array.isArray(sides) && sides.length === 2 && sides.every(isSide)) return sides;
  throw new TwotempError(
    "data/size",
    `size must be whole pixels from 1 to 4096, got ${JSON.stringify(size)}; give one number or [height, width]`,
  );
}

/** Resizes images of bytes or floats, bilinearly, on the engine that runs. */
export async function resizeImages(
  inputs: Uint8Array | Float32Array,
  shape: readonly [number, number, number],
  [height, width]: readonly [number, number],
): Promise<Uint8Array | Float32Array> {
  const [oldHeight, oldWidth, channels] = shape;
  const oldSize = oldHeight * oldWidth * channels;
  const count = inputs.length / oldSize;
  const size = height * width * channels;
  const out = inputs instanceof Uint8Array ? new Uint8ClampedArray(count * size) : new Float32Array(count * size);
  for (let start = 0; start < count; start += imagesAtOnce) {
    const end = Math.min(count, start + imagesAtOnce);
    const block = Float32Array.from(inputs.subarray(start * oldSize, end * oldSize));
    const resized = tf.tidy(() =>
      tf.image.resizeBilinear(
        tf.tensor4d(block, [end - start, oldHeight, oldWidth, channels]),
        [height, width],
        false,
        true,
      ),
    );
    out.set(await resized.data(), start * size); // clamped bytes round to the nearest
    resized.dispose();
  }
  return out instanceof Uint8ClampedArray ? new Uint8Array(out.buffer) : out;
}
