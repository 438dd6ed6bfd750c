import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { TwotempError } from "../../lib/errors.js";
import { Random } from "../../lib/engine/index.js";
import { readCifar, readCsv, readIdx, readImages, readParquet, type Dataset } from "../../lib/data/index.js";
import { cifarRecord, encodedPicture, fixtures, idx, put, temporaryFolder } from "./support.js";

const inputs = 20_000;
/** Above what the process held before, all inputs together; a reader by itself takes 60 to 180 MB, most of it the decoders. */
const allowedGrowth = 256 << 20;

/** A copy with one to four changes: bits, bytes, lengths, blocks, and numbers that readers trip over. */
function mutated(bytes: Buffer, random: Random): Buffer {
  let copy = Buffer.from(bytes);
  for (let change = random.integer(4); change >= 0; change--) {
    const at = random.integer(Math.max(1, copy.length));
    const length = 1 + random.integer(16);
    switch (random.integer(7)) {
      case 0:
        if (copy.length > 0) copy[at] ^= 1 << random.integer(8);
        break;
      case 1:
        if (copy.length > 0) copy[at] = [0, 1, 0x7f, 0x80, 0xff, 0x2c, 0x22, 0x0a][random.integer(8)];
        break;
      case 2:
        copy = copy.subarray(0, at);
        break;
      case 3:
        copy = Buffer.concat([copy.subarray(0, at), copy.subarray(at + length)]);
        break;
      case 4:
        copy = Buffer.concat([copy.subarray(0, at + length), copy.subarray(at)]);
        break;
      case 5:
        if (at + 4 <= copy.length)
          copy.writeUInt32BE([0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 65536][random.integer(6)], at);
        break;
      case 6:
        // The first bytes are where headers lie.
        if (copy.length > 0) copy[Math.min(copy.length - 1, random.integer(32))] = random.integer(256);
        break;
    }
  }
  return copy;
}

/** Reads many mutated copies: each gives a data set or a TwotempError of one line, within a second and in bounded memory. */
async function fuzz(
  t: TestContext,
  reader: string,
  originals: readonly Buffer[],
  read: (bytes: Buffer, kind: number) => Promise<Dataset>,
): Promise<void> {
  for (const [kind, original] of originals.entries()) await read(original, kind);
  const before = process.resourceUsage().maxRSS * 1024;
  let slowest = 0;
  let accepted = 0;
  const codes = new Map<string, number>();
  for (let i = 0; i < inputs; i++) {
    const kind = i % originals.length;
    const bytes = mutated(originals[kind], new Random(0, "fuzz", reader, i));
    // The processor's time, for the machine may be busy with something else.
    const started = process.cpuUsage();
    try {
      const dataset = await read(bytes, kind);
      accepted++;
      assert.equal(dataset.train.inputs.length, dataset.train.count * dataset.inputSize);
    } catch (error) {
      if (!(error instanceof TwotempError)) throw new Error(`input ${i} of ${reader}`, { cause: error });
      assert.ok(!error.message.includes("\n"), error.message);
      codes.set(error.code, (codes.get(error.code) ?? 0) + 1);
    }
    const { user, system } = process.cpuUsage(started);
    const took = (user + system) / 1000;
    assert.ok(took < 1000, `input ${i} of ${reader} took ${took} ms`);
    slowest = Math.max(slowest, took);
  }
  const growth = process.resourceUsage().maxRSS * 1024 - before;
  const seen = [...codes].map(([code, count]) => `${code} ${count}`).join(", ");
  t.diagnostic(`${reader}: ${accepted} accepted, ${seen}; slowest ${slowest.toFixed(0)} ms, growth ${growth >> 20} MB`);
  assert.ok(growth < allowedGrowth, `${reader} grew by ${growth >> 20} MB`);
  assert.ok(codes.size > 1 && accepted > 0, "mutations both break files and leave some whole");
}

describe("mutated files", () => {
  test("IDX", async (t) => {
    const folder = temporaryFolder(t);
    const images = idx(
      [6, 5, 4],
      Array.from({ length: 120 }, (_, i) => i),
    );
    const labels = idx([6], [0, 1, 2, 0, 1, 2]);
    const files = {
      trainImages: put(folder, "train", images),
      trainLabels: put(folder, "train-labels", labels),
      testImages: put(folder, "test", images),
      testLabels: put(folder, "test-labels", labels),
    };
    await fuzz(t, "IDX", [images, labels, gzipSync(images), gzipSync(labels)], (bytes, kind) => {
      const changed = put(folder, "changed", bytes);
      return readIdx(kind % 2 === 0 ? { ...files, trainImages: changed } : { ...files, trainLabels: changed });
    });
  });

  test("CIFAR", async (t) => {
    const folder = temporaryFolder(t);
    const one = Buffer.concat([cifarRecord([0], 1, 2, 3), cifarRecord([1], 4, 5, 6)]);
    const two = Buffer.concat([cifarRecord([0, 1], 1, 2, 3), cifarRecord([1, 0], 4, 5, 6)]);
    await fuzz(t, "CIFAR", [one, two], (bytes, kind) => {
      const changed = put(folder, "changed.bin", bytes);
      const labels = kind === 0 ? ("single" as const) : ("fine" as const);
      return readCifar({ train: [changed], test: [changed] }, { labels, classNames: ["a", "b"] });
    });
  });

  test("CSV", async (t) => {
    const folder = temporaryFolder(t);
    const rows = Array.from({ length: 8 }, (_, i) => `${i}.5,${i * i},"kind ${i % 2}"\n`).join("");
    const originals = [`length,width,kind\n${rows}`, rows, rows.replaceAll(",", ";")].map((text) => Buffer.from(text));
    await fuzz(t, "CSV", originals, (bytes) => readCsv(put(folder, "changed.csv", bytes)));
  });

  test("folder of images", async (t) => {
    const folder = temporaryFolder(t);
    const picture = (mime: Parameters<typeof encodedPicture>[3]): Promise<Buffer> =>
      encodedPicture(8, 6, (x, y) => ((x * 30) << 24) | ((x * 30) << 16) | ((x * 30) << 8) | 0xff | (y & 0), mime);
    const originals = await Promise.all([picture("image/png"), picture("image/jpeg"), picture("image/bmp")]);
    for (const name of ["a/1.png", "b/0.png", "b/1.png"]) put(folder, name, originals[0]);
    await fuzz(t, "images", originals, (bytes) => {
      put(folder, "a/0.png", bytes);
      return readImages(folder, { size: [6, 8], channels: 1, background: 0 });
    });
  });

  test("Parquet", async (t) => {
    const folder = temporaryFolder(t);
    const originals = [
      readFileSync(join(fixtures, "bars-test.parquet")),
      readFileSync(join(fixtures, "bars-few.parquet")),
    ];
    await fuzz(t, "Parquet", originals, (bytes) =>
      readParquet(
        { train: put(folder, "changed.parquet", bytes) },
        { size: 6, channels: 1, background: 0, testFraction: 0.5 },
      ),
    );
  });
});
