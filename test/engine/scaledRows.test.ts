import { before, describe, test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { ready } from "../../lib/engine/index.js";
import { ownKernels } from "../../lib/engine/native.js";
import { scaledRows } from "../../lib/engine/scaledRows.js";
import { needs } from "../support.js";
import { nativeIsBuilt } from "./support.js";

const matrices = fc
  .record({ count: fc.integer({ min: 1, max: 9 }), size: fc.integer({ min: 1, max: 40 }) })
  .chain(({ count, size }) => {
    const length = { minLength: count * size, maxLength: count * size };
    return fc.record({
      size: fc.constant(size),
      values: fc.oneof(fc.uint8Array(length), fc.float32Array({ ...length, noNaN: true, noDefaultInfinity: true })),
      rows: fc.array(fc.nat(count - 1), { maxLength: 12 }),
      scale: fc.double({ min: 1e-3, max: 10, noNaN: true }),
      /** Values before the first, so that rows start at any address. */
      offset: fc.nat(3),
    });
  });

function checkProducts(): void {
  fc.assert(
    fc.property(matrices, ({ values, rows, size, scale, offset }) => {
      const wanted = rows.flatMap((row) =>
        Array.from(values.subarray(row * size, (row + 1) * size), (value) => Math.fround(value * scale)),
      );
      const out = new Float32Array(rows.length * size + offset).subarray(offset);
      scaledRows(values, rows, scale, out);
      assert.deepEqual(Array.from(out), wanted);
    }),
  );
}

describe("rows of a matrix times a scale", () => {
  test("are float64 products in float32, before an engine runs", () => {
    assert.equal(ownKernels(), undefined);
    checkProducts();
  });

  describe("natively", needs("the native engine", nativeIsBuilt(), "npm start"), () => {
    before(() => ready({ engine: "tensorflow" }));

    test("are the same, to the bit", checkProducts);

    test("are read and written within their arrays alone", (context) => {
      const native = ownKernels();
      if (!native) return context.skip("needs a processor with AVX2 and FMA");
      const write = (values: unknown, rows: unknown, out: unknown): void =>
        native.binding.scaledRows(values as Uint8Array, rows as Int32Array, 1, out as Float32Array);
      const [values, out] = [new Uint8Array(6), new Float32Array(3)];
      write(values, Int32Array.of(1), out);
      for (const row of [2, -1, 2 ** 31 - 1, -(2 ** 31)]) assert.throws(() => write(values, Int32Array.of(row), out));
      assert.throws(() => write(values, Int32Array.of(0, 0), out), /an array for the scaled rows/);
      assert.throws(() => write(values, new Int32Array(0), out));
      assert.throws(() => write([1, 2, 3], Int32Array.of(0), out));
      assert.throws(() => write(values, [0], out));
      assert.throws(() => write(values, Int32Array.of(0), new Float64Array(3)));
    });
  });
});
