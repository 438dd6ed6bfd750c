import { ownKernels } from "./native.js";

/**
 * Writes `values * scale` of some rows into `out`, one row after another: natively where the project's own code is there,
 * since V8 converts one value at a time.
 *
 * @param values - of a matrix, row after row
 * @param rows - which of them; each has to exist
 * @param out - `rows.length` rows
 */
export function scaledRows(
  values: Uint8Array | Float32Array,
  rows: ArrayLike<number>,
  scale: number,
  out: Float32Array,
): void {
  if (rows.length === 0) return;
  const native = ownKernels();
  if (native) {
    const whole = rows instanceof Int32Array ? rows : Int32Array.from(rows);
    return native.binding.scaledRows(values, whole, scale, out);
  }
  const size = out.length / rows.length;
  for (let i = 0; i < rows.length; i++) {
    const first = rows[i] * size;
    for (let j = 0; j < size; j++) out[i * size + j] = values[first + j] * scale;
  }
}
