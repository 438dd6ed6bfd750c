import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { readIdx, type IdxFiles } from "../../lib/data/index.js";
import { readIdxArray } from "../../lib/data/idx.js";
import { idx, put, refuses, temporaryFolder } from "./support.js";

const images = idx(
  [4, 2, 3],
  Array.from({ length: 24 }, (_, i) => i),
);
const labels = idx([4], [1, 2, 2, 1]);

function fourFiles(t: TestContext, change: Partial<Record<keyof IdxFiles, Buffer>> = {}): IdxFiles {
  const folder = temporaryFolder(t);
  const content = { trainImages: images, trainLabels: labels, testImages: images, testLabels: labels, ...change };
  const path = (name: keyof IdxFiles): string => put(folder, name, content[name]);
  return {
    trainImages: path("trainImages"),
    trainLabels: path("trainLabels"),
    testImages: path("testImages"),
    testLabels: path("testLabels"),
  };
}

describe("IDX", () => {
  test("reads plain and gzip files alike", async (t) => {
    const plain = await readIdx(fourFiles(t), { firstLabel: 1, name: "toy" });
    const packed = await readIdx(fourFiles(t, { trainImages: gzipSync(images), testLabels: gzipSync(labels) }), {
      firstLabel: 1,
      name: "toy",
    });
    assert.deepEqual([...plain.inputShape], [2, 3, 1]);
    assert.deepEqual(
      [...plain.train.inputs],
      Array.from({ length: 24 }, (_, i) => i),
    );
    assert.deepEqual([...plain.train.labels], [0, 1, 1, 0]);
    assert.deepEqual(plain.classNames, ["1", "2"]);
    assert.deepEqual(packed.train, plain.train);
    assert.equal(plain.provenance.files.length, 4);
    assert.match(plain.provenance.files[0].sha256, /^[0-9a-f]{64}$/);
    assert.notEqual(plain.provenance.files[0].sha256, packed.provenance.files[0].sha256);
  });

  test("transposes images that are stored column by column", async (t) => {
    const dataset = await readIdx(fourFiles(t), { firstLabel: 1, transposed: true });
    // The stored 2 x 3 block is 3 rows of 2 when it stands upright.
    assert.deepEqual([...dataset.inputShape], [3, 2, 1]);
    assert.deepEqual([...dataset.train.inputs.subarray(0, 6)], [0, 3, 1, 4, 2, 5]);
  });

  test("reads back any array of bytes (property)", async (t) => {
    const folder = temporaryFolder(t);
    const shape = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(shape, fc.boolean(), fc.infiniteStream(fc.nat(255)), async (shape, packed, bytes) => {
        const values = [...bytes.take(shape.reduce((a, b) => a * b, 1))];
        const file = idx(shape, values);
        const found = await readIdxArray(put(folder, "any", packed ? gzipSync(file) : file));
        assert.deepEqual([...found.shape], shape);
        assert.deepEqual([...found.values], values);
      }),
      { numRuns: 50 },
    );
  });

  const broken: [string, Partial<Record<keyof IdxFiles, Buffer>>, string, RegExp][] = [
    ["an empty file", { trainImages: Buffer.alloc(0) }, "data/empty", /trainImages: the file is empty/],
    [
      "a cut header",
      { trainImages: images.subarray(0, 10) },
      "data/size",
      /trainImages, byte 10: expected an IDX header of 16 bytes/,
    ],
    [
      "another magic number",
      { trainImages: Buffer.from("PNG picture") },
      "data/magic",
      /byte 0: expected the magic number 0x000008 .* found 0x504e4720/,
    ],
    [
      "another type of number",
      { trainImages: Buffer.from([0, 0, 13, 1, 0, 0, 0, 1, 0, 0, 0, 0]) },
      "data/magic",
      /found 0x00000d01/,
    ],
    [
      "a cut file",
      { trainImages: images.subarray(0, 30) },
      "data/size",
      /byte 30: expected 40 bytes for shape \[4,2,3\], found 30/,
    ],
    [
      "too long a file",
      { trainImages: Buffer.concat([images, images]) },
      "data/size",
      /byte 40: expected 40 bytes .* found 80/,
    ],
    ["no image", { trainImages: idx([0, 2, 3], []) }, "data/size", /byte 4: expected a positive size/],
    [
      "fewer labels than images",
      { trainLabels: idx([3], [1, 2, 1]) },
      "data/shape",
      /trainLabels, byte 4: expected 4 labels/,
    ],
    [
      "images for labels",
      { trainLabels: images },
      "data/shape",
      /expected 4 labels, one an image, found shape \[4,2,3\]/,
    ],
    ["labels for images", { trainImages: labels }, "data/shape", /expected images of shape/],
    [
      "test images of another size",
      { testImages: idx([4, 3, 2], Array<number>(24).fill(0)) },
      "data/shape",
      /testImages, byte 8: expected examples of \[2,3\]/,
    ],
    [
      "a label out of range",
      { testLabels: idx([4], [1, 2, 9, 1]) },
      "data/labels",
      /testLabels, byte 10: expected a label from 1 to 2, found 9/,
    ],
    [
      "a label below the first",
      { trainLabels: idx([4], [1, 0, 2, 1]) },
      "data/labels",
      /trainLabels, byte 9: expected a label from 1 to 2, found 0/,
    ],
    ["one class", { trainLabels: idx([4], [1, 1, 1, 1]) }, "data/classes", /"two" has no training example/],
    [
      "a cut gzip file",
      { trainImages: gzipSync(images).subarray(0, -5) },
      "data/gzip",
      /trainImages: not a whole gzip file/,
    ],
    ["a corrupt gzip file", { trainImages: corrupted(gzipSync(images)) }, "data/gzip", /not a whole gzip file/],
    [
      "bytes after the gzip data",
      { trainImages: Buffer.concat([gzipSync(images), Buffer.from("more")]) },
      "data/gzip",
      /not a whole gzip file/,
    ],
    [
      "zeros after the gzip data",
      { trainImages: Buffer.concat([gzipSync(images), Buffer.alloc(3)]) },
      "data/gzip",
      /other bytes follow/,
    ],
    [
      "a packed file that holds less",
      { trainImages: gzipSync(images.subarray(0, 30)) },
      "data/size",
      /holds 30 bytes, its header promises 40/,
    ],
    [
      "a packed file that holds more",
      { trainImages: gzipSync(Buffer.concat([images, images])) },
      "data/size",
      /holds more than the 40 bytes/,
    ],
  ];
  for (const [what, change, code, message] of broken) {
    test(`refuses ${what}`, async (t) => {
      const files = fourFiles(t, change);
      await refuses(() => readIdx(files, { firstLabel: 1, classNames: ["one", "two"] }), code, message);
    });
  }

  test("refuses a missing file and a folder", async (t) => {
    const files = fourFiles(t);
    await refuses(
      () => readIdx({ ...files, testLabels: "/nowhere/labels" }),
      "data/path",
      /\/nowhere\/labels: no such file/,
    );
    await refuses(
      () => readIdx({ ...files, testLabels: temporaryFolder(t) }),
      "data/path",
      /expected a file, found a folder/,
    );
    await refuses(
      () => readIdx(files, { transpose: true } as object),
      "data/option",
      /is an IDX file, which is read with classNames, firstLabel, transposed; got "transpose"/,
    );
  });

  test("refuses promises and bombs before it allocates", async (t) => {
    const promise = idx([2 ** 31, 28, 28], [1, 2, 3]);
    const bomb = gzipSync(Buffer.concat([idx([10, 2, 3], []), Buffer.alloc(128 << 20)]));
    const believed = gzipSync(idx([2 ** 31, 28, 28], [1, 2, 3]));
    assert.ok(bomb.length < 150_000);
    const paths = [promise, bomb, believed].map((bytes, i) => put(temporaryFolder(t), String(i), bytes));
    const before = process.memoryUsage();
    await refuses(() => readIdxArray(paths[0]), "data/size", /expected 1683627180048 bytes/);
    await refuses(() => readIdxArray(paths[1]), "data/size", /holds more than the 76 bytes/);
    await refuses(
      () => readIdxArray(paths[2]),
      "data/size",
      /promises 1683627180048 bytes, more than \d+ compressed bytes can hold/,
    );
    const after = process.memoryUsage();
    assert.ok(after.arrayBuffers + after.heapUsed - before.arrayBuffers - before.heapUsed < 32 << 20);
    assert.ok(after.rss - before.rss < 64 << 20, `${after.rss - before.rss}`);
  });

  test("stops when it is aborted", async (t) => {
    const files = fourFiles(t);
    await assert.rejects(readIdx(files, { signal: AbortSignal.abort() }), { name: "AbortError" });
  });
});

function corrupted(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy[copy.length - 6] ^= 0xff; // in the checksum
  return copy;
}
