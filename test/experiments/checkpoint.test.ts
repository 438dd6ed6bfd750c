import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { TwotempError } from "../../lib/errors.js";
import {
  decodeCheckpoint,
  encodeCheckpoint,
  loadCheckpoint,
  removeCheckpoint,
  saveCheckpoint,
} from "../../lib/experiments/checkpoint.js";
import { emptyFolder } from "./support.js";

const numbers = fc.oneof(fc.double(), fc.constantFrom(NaN, Infinity, -Infinity, -0, Number.MIN_VALUE));
const arrays = fc.oneof(
  fc.float32Array(),
  fc.float64Array(),
  fc.int32Array(),
  fc.uint8Array(),
  fc.uint32Array(),
  fc.int16Array(),
);
const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    numbers,
    arrays,
    fc.string(),
    fc.boolean(),
    fc.constantFrom(null, undefined),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.oneof(fc.string(), fc.constantFrom("__proto__", "constructor")), tie("value"), {
      maxKeys: 4,
      noNullPrototype: true,
    }),
  ),
})).value;

describe("checkpoint", () => {
  test("gives back every bit of plain data", () => {
    fc.assert(
      fc.property(plain, (data) => {
        assert.deepStrictEqual(decodeCheckpoint(encodeCheckpoint(data), "test"), data);
      }),
      { numRuns: 300 },
    );
  });

  test("equal data have equal bytes", () => {
    const data = { logits: new Float64Array([1, NaN, -0]), step: 7, names: ["a", undefined] };
    assert.deepEqual(encodeCheckpoint(data), encodeCheckpoint(structuredClone(data)));
  });

  test("the last good one survives a torn one, an edited one, and a kill between the two renames", (context) => {
    const path = join(emptyFolder(context), "deep", "search.checkpoint");
    assert.equal(loadCheckpoint(path), undefined);
    saveCheckpoint(path, { step: 1 });
    saveCheckpoint(path, { step: 2 });
    assert.deepEqual(loadCheckpoint(path), { step: 2 });
    truncateSync(path, 40);
    assert.deepEqual(loadCheckpoint(path), { step: 1 });
    assert.ok(existsSync(`${path}.torn`));
    saveCheckpoint(path, { step: 3 });
    assert.deepEqual(loadCheckpoint(path), { step: 3 });
    const bytes = readFileSync(path);
    bytes[bytes.length - 40] ^= 1;
    writeFileSync(path, bytes);
    assert.deepEqual(loadCheckpoint(path), { step: 1 });
    saveCheckpoint(path, { step: 4 });
    renameSync(path, `${path}.previous`);
    assert.deepEqual(loadCheckpoint(path), { step: 4 });
    removeCheckpoint(path);
    assert.equal(loadCheckpoint(path), undefined);
  });

  test("a save that fails leaves the one before, and no rubbish", (context) => {
    const folder = emptyFolder(context);
    const path = join(folder, "search.checkpoint");
    saveCheckpoint(path, { step: 1 });
    assert.throws(() => saveCheckpoint(path, { step: () => 2 }), TwotempError);
    assert.throws(() => saveCheckpoint(path, { step: 2n }), TwotempError);
    assert.throws(() => saveCheckpoint(path, { when: new Date(0) }), TwotempError);
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    assert.throws(() => saveCheckpoint(path, cycle), TwotempError);
    assert.deepEqual(loadCheckpoint(path), { step: 1 });
    assert.deepEqual(readdirSync(folder), ["search.checkpoint"]);
  });

  test("a folder in the way gives a typed error", (context) => {
    const path = join(emptyFolder(context), "checkpoint");
    mkdirSync(join(path, "x"), { recursive: true });
    assert.throws(() => loadCheckpoint(path), TwotempError);
  });
});
