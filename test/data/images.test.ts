import assert from "node:assert/strict";
import { symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { crc32, deflateSync } from "node:zlib";
import { readImages, readParquet } from "../../lib/data/index.js";
import { pictureHeader } from "../../lib/data/pictures.js";
import { peakGrowth } from "../fuzz.js";
import { encodedPicture, fixtures, put, refuses, temporaryFolder } from "./support.js";

const grey = (level: number): number => ((level << 24) | (level << 16) | (level << 8) | 0xff) >>> 0;

/** A folder of two classes of `count` grey pictures each; more files as given. */
async function folderOf(
  folder: string,
  count: number,
  more: Record<string, string | Uint8Array> = {},
): Promise<string> {
  for (const [c, name] of ["dark", "light"].entries()) {
    for (let i = 0; i < count; i++) {
      const picture = await encodedPicture(4, 3, (x, y) => grey(100 * c + 10 * i + x + y));
      put(folder, `${name}/${i}.png`, picture);
    }
  }
  for (const [name, content] of Object.entries(more)) put(folder, name, content);
  return folder;
}

describe("folder of images", () => {
  test("reads a folder a class, grey", async (t) => {
    const folder = await folderOf(temporaryFolder(t), 4, {
      "dark/.DS_Store": "x",
      "dark/Thumbs.db": "x",
      "notes.txt": "x",
    });
    const seen: number[] = [];
    const dataset = await readImages(folder, { testFraction: 0.25, onProgress: ({ done }) => seen.push(done) });
    assert.deepEqual(dataset.classNames, ["dark", "light"]);
    assert.deepEqual([...dataset.inputShape], [3, 4, 1]);
    assert.deepEqual([dataset.train.count, dataset.test.count], [6, 2]);
    assert.deepEqual(seen, [1, 2, 3, 4, 5, 6, 7, 8]);
    const levels = [0, 1, 2].map((row) => dataset.train.inputs[12 * row]);
    assert.ok(
      levels.every((level) => level <= 30 && level % 10 === 0),
      String(levels),
    );
    assert.deepEqual(dataset.provenance.files.map(({ name }) => name).slice(0, 2), ["dark/0.png", "dark/1.png"]);
  });

  test("reads train and test folders, PNG and BMP exactly, JPEG nearly", async (t) => {
    const folder = temporaryFolder(t);
    const color = (x: number, y: number): number => ((200 << 24) | ((40 * x) << 16) | ((60 * y) << 8) | 0xff) >>> 0;
    for (const split of ["train", "test"]) {
      for (const label of ["a", "b"]) {
        for (const type of ["png", "bmp", "jpeg"] as const) {
          put(folder, `${split}/${label}/picture.${type}`, await encodedPicture(5, 4, color, `image/${type}`));
        }
      }
    }
    const dataset = await readImages(folder);
    assert.deepEqual([...dataset.inputShape], [4, 5, 3]);
    assert.deepEqual([dataset.train.count, dataset.test.count], [6, 6]);
    const expected = Array.from({ length: 20 }, (_, i) => [200, 40 * (i % 5), 60 * Math.floor(i / 5)]).flat();
    const names = dataset.provenance.files.map(({ name }) => name);
    for (let row = 0; row < 3; row++) {
      const pixels = dataset.image("train", row).pixels;
      const largest = Math.max(...pixels.map((value, i) => Math.abs(value - expected[i])));
      assert.ok(largest <= (names[row].endsWith("jpeg") ? 60 : 0), `${names[row]}: ${largest}`);
    }
  });

  test("resizes, makes grey, lays on a background", async (t) => {
    const folder = await folderOf(temporaryFolder(t), 2, {
      "light/wide.png": await encodedPicture(9, 5, () => 0xff0000ff),
      "light/clear.png": await encodedPicture(4, 3, () => 0x00000000),
    });
    const dataset = await readImages(folder, { size: [6, 8], channels: 1, background: 255 });
    assert.deepEqual([...dataset.inputShape], [6, 8, 1]);
    const { files, steps } = dataset.provenance;
    assert.equal(files.length, 6);
    assert.match(steps[0], /resized to 6 x 8, made grey, laid on 255/);
    const means = [...dataset.rows("train")[1], ...dataset.rows("test")[1].map((row) => -1 - row)].map((row) => {
      const { pixels } = row >= 0 ? dataset.image("train", row) : dataset.image("test", -1 - row);
      return Math.round(pixels.reduce((sum, value) => sum + value, 0) / pixels.length);
    });
    assert.ok(means.includes(76), `pure red weighs 0.299: ${means}`);
    assert.ok(means.includes(255), `the transparent picture shows the background: ${means}`);
  });

  test("refuses what isn't a folder of pictures", async (t) => {
    const folder = await folderOf(temporaryFolder(t), 2);
    await refuses(() => readImages(join(folder, "nowhere")), "data/path", /no such folder/);
    await refuses(() => readImages(put(folder, "file.txt", "x")), "data/path", /expected a folder, found a file/);
    await refuses(() => readImages(join(folder, "dark")), "data/classes", /dark: holds pictures, .* such as \//);
    const empty = dirname(put(temporaryFolder(t), "empty/.hidden", ""));
    await refuses(() => readImages(empty), "data/classes", /at least 2 classes, found 0 folders/);
    const one = temporaryFolder(t);
    put(one, "only/1.png", await encodedPicture(2, 2, () => grey(1)));
    await refuses(() => readImages(one), "data/classes", /found 1 folder$/);
    for (const size of [0, [4], [4, 4, 3], [4, 0.5], "4", null]) {
      const wrong = { size: size as number };
      await refuses(() => readImages(folder, wrong), "data/size", /size must be whole pixels.*one number or \[height/);
    }
    await refuses(
      () => readImages(folder, { sise: 4 } as object),
      "data/option",
      /is a folder of pictures, which is read with size, channels, background; got "sise"/,
    );
    await refuses(() => readImages(folder, { channels: 2 as 1 }), "data/channels", /channels must be 1/);
    await refuses(() => readImages(folder, { background: 300 }), "data/background", /from 0 to 255/);
  });

  const colour = encodedPicture(4, 3, () => 0xff0000ff);
  const broken: [string, string, () => Promise<string | Uint8Array> | string | Uint8Array, string, RegExp][] = [
    [
      "a picture that isn't one",
      "dark/x.png",
      () => "hello",
      "data/picture",
      /x.png, byte 0: expected a PNG, JPEG or BMP/,
    ],
    [
      "a file that can't be a picture",
      "dark/notes.txt",
      () => "hello",
      "data/picture",
      /notes.txt: expected a picture/,
    ],
    ["an empty picture", "dark/x.png", () => "", "data/empty", /x.png: the file is empty/],
    [
      "a cut picture",
      "dark/x.png",
      async () => (await colour).subarray(0, 60),
      "data/decode",
      /x.png: can't be decoded/,
    ],
    [
      "a header of 2^31 pixels",
      "dark/x.png",
      async () => hugePicture(await colour),
      "data/picture",
      /x.png: the header promises 65536 x 32768 pixels/,
    ],
    [
      "pictures of two sizes",
      "light/x.png",
      () => encodedPicture(3, 4, () => grey(3)),
      "data/size",
      /3 x 4 pixels, but .*0.png has 4 x 3; give size/,
    ],
    [
      "grey and coloured pictures",
      "light/x.png",
      () => colour,
      "data/channels",
      /0.png is grey, .*x.png is coloured; give channels/,
    ],
    [
      "a transparent picture",
      "light/x.png",
      () => encodedPicture(4, 3, () => 0x00000080),
      "data/picture",
      /partly transparent; give background/,
    ],
  ];
  for (const [what, name, content, code, message] of broken) {
    test(`refuses ${what}`, async (t) => {
      const folder = await folderOf(temporaryFolder(t), 2, { [name]: await content() });
      await refuses(() => readImages(folder), code, message);
    });
  }

  test("follows links to folders, and refuses a picture that is in no class", async (t) => {
    const folder = await folderOf(temporaryFolder(t), 2);
    symlinkSync(join(folder, "dark"), join(folder, "linked"));
    assert.deepEqual((await readImages(folder)).classNames, ["dark", "light", "linked"]);
    put(folder, "stray.png", await encodedPicture(4, 3, () => grey(1)));
    await refuses(() => readImages(folder), "data/classes", /stray.png: a picture beside the folders of classes/);
  });

  test("refuses an empty class, and a class of one picture without a test folder", async (t) => {
    const folder = await folderOf(temporaryFolder(t), 2, { "empty/.keep": "" });
    await refuses(() => readImages(folder), "data/classes", /empty: the class holds no picture/);
    const single = await folderOf(temporaryFolder(t), 1);
    await refuses(() => readImages(single), "data/shots", /class "dark" has 1 example/);
  });

  test("a class may be called __proto__", async (t) => {
    const folder = temporaryFolder(t);
    for (const label of ["__proto__", "constructor"]) {
      for (const i of [0, 1]) put(folder, `${label}/${i}.png`, await encodedPicture(2, 2, () => grey(i)));
    }
    assert.deepEqual((await readImages(folder)).classNames, ["__proto__", "constructor"]);
  });

  test("stops when it is aborted, and goes on afterwards", async (t) => {
    const folder = await folderOf(temporaryFolder(t), 3);
    const abort = new AbortController();
    const onProgress = (): void => abort.abort();
    await assert.rejects(readImages(folder, { signal: abort.signal, onProgress }), { name: "AbortError" });
    assert.equal((await readImages(folder)).train.count, 4);
  });

  test("files that promise many pixels, bytes or scans end in a second or in proportion to their size, in little memory", async (t) => {
    const bombs: [string, Buffer, RegExp | undefined][] = [
      ["8192 x 8192 in 8 kB", png(8192, 8192, 1), /8192 x 8192 pixels; a file of \d+ bytes may hold 1048576/],
      ["the largest allowed", png(1 << 10, 1 << 10, 16), undefined],
      [
        "interlaced, with 256 MB behind its pixels",
        png(1, 1, 8, 256 << 20),
        /can't be decoded: Cannot create a Buffer larger/,
      ],
      // A fast machine gets to the scan that isn't whole before the time is over.
      [
        "20000 scans of a million pixels",
        jpegOfScans(1 << 10, 1 << 10, 20_000),
        /took more than 1.9 s|can't be decoded/,
      ],
    ];
    const folder = await folderOf(temporaryFolder(t), 2);
    await readImages(folder, { size: 4 }); // starts the decoder
    for (const [what, bytes, message] of bombs) {
      put(folder, "dark/0.png", bytes);
      const started = process.cpuUsage(); // the machine may be busy with something else
      const growth = await peakGrowth(async () => {
        if (message)
          await refuses(
            () => readImages(folder, { size: 4 }),
            /8192/.test(what) ? "data/picture" : "data/decode",
            message,
          );
        else await readImages(folder, { size: 4 });
      });
      const { user, system } = process.cpuUsage(started);
      const took = (user + system) / 1000;
      t.diagnostic(`${what}: ${bytes.length} bytes, ${took.toFixed(0)} ms, ${growth >> 20} MB`);
      assert.ok(took < 1000 + bytes.length / 100, `${what}: ${took} ms`);
      assert.ok(growth < 128 << 20, `${what}: ${growth} bytes`);
    }
  });

  test("states the size that each format's header states", async () => {
    for (const mime of ["image/png", "image/jpeg", "image/bmp"] as const) {
      const header = pictureHeader(await encodedPicture(37, 21, () => 0x123456ff, mime));
      assert.deepEqual([header?.width, header?.height], [37, 21], mime);
    }
    assert.equal(pictureHeader(Buffer.from("GIF8")), undefined);
  });
});

describe("Parquet", () => {
  const train = join(fixtures, "bars-train.parquet");
  const test1 = join(fixtures, "bars-test.parquet");

  test("reads pictures and class names as a data hub ships them", async () => {
    const dataset = await readParquet({ train, test: test1 }, { name: "bars" });
    assert.deepEqual(dataset.classNames, ["horizontal", "vertical", "diagonal"]);
    assert.deepEqual([...dataset.inputShape], [6, 8, 1]);
    assert.deepEqual([dataset.train.count, dataset.test.count], [24, 6]);
    // The third horizontal bar lies in row 2 and has the value 202.
    const bar = dataset.image("train", 2);
    assert.equal(bar.className, "horizontal");
    assert.deepEqual(
      [...bar.pixels],
      Array.from({ length: 48 }, (_, i) => (Math.floor(i / 8) === 2 ? 202 : 0)),
    );
    // Row 23 is the last diagonal, in the third row group.
    const diagonal = dataset.image("train", 23);
    assert.equal(diagonal.className, "diagonal");
    assert.deepEqual([...diagonal.pixels.subarray(0, 8)], [0, 207, 0, 0, 0, 0, 0, 0]);
    assert.equal(dataset.provenance.files.length, 2);
  });

  test("holds out a test split, resizes", async () => {
    const dataset = await readParquet({ train }, { size: 12, testFraction: 0.25 });
    assert.deepEqual([...dataset.inputShape], [12, 12, 1]);
    assert.deepEqual([dataset.train.count, dataset.test.count], [18, 6]);
  });

  test("refuses what isn't Parquet, other columns, bytes that are no pictures", async (t) => {
    const folder = temporaryFolder(t);
    const none = join(fixtures, "not-pictures.parquet");
    const text = put(folder, "text.parquet", "hello, this is no Parquet file");
    await refuses(
      () => readParquet({ train: text }),
      "data/decode",
      /text.parquet: can't be decoded: parquet file invalid/,
    );
    await refuses(() => readParquet({ train: join(folder, "no.parquet") }), "data/path", /no such file/);
    await refuses(() => readParquet({ train: [] }), "data/path", /at least one Parquet file/);
    await refuses(
      () => readParquet({ train: none }, { lable: "kind" } as object),
      "data/option",
      /is a Parquet file, which is read with size, .*, classNames; got "lable"/,
    );
    await refuses(
      () => readParquet({ train: none }),
      "data/column",
      /no column "label"; give label, one of picture, kind/,
    );
    await refuses(
      () => readParquet({ train: none }, { image: "kind", label: "kind" }),
      "data/column",
      /give image, one of picture/,
    );
    await refuses(
      () => readParquet({ train: none }, { label: "kind" }),
      "data/picture",
      /row 0, byte 0: expected a PNG/,
    );
    await refuses(
      () => readParquet({ train }, { classNames: ["a", "b"] }),
      "data/labels",
      /row 16, column "label": expected a label from 0 to 1, found 2/,
    );
  });
});

/** A black PNG of grey pixels; with bytes behind its pixels it is interlaced, as then decoders inflate them as well. */
function png(width: number, height: number, bits: number, behind = 0): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = bits;
  header[12] = behind > 0 ? 1 : 0;
  const chunk = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const ends = Buffer.alloc(8);
    ends.writeUInt32BE(data.length, 0);
    ends.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
  };
  const pixels = deflateSync(Buffer.alloc((1 + Math.ceil((width * bits) / 8)) * height + behind));
  const magic = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([magic, chunk("IHDR", header), chunk("IDAT", pixels), chunk("IEND", Buffer.alloc(0))]);
}

/** A progressive JPEG whose scans of 12 bytes state that all blocks end at once: a decoder visits each block in each scan. */
function jpegOfScans(width: number, height: number, scans: number): Buffer {
  const frame = Buffer.from([0xff, 0xc2, 0, 11, 8, 0, 0, 0, 0, 1, 1, 0x11, 0]);
  frame.writeUInt16BE(height, 5);
  frame.writeUInt16BE(width, 7);
  // One code of one bit: a run of 2^14 blocks and as many more as the next 14 bits say.
  const codes = Buffer.from([0xff, 0xc4, 0, 20, 0x10, 1, ...Array<number>(15).fill(0), 0xe0]);
  const scan = Buffer.from([0xff, 0xda, 0, 8, 1, 1, 0, 1, 63, 0, 0, 0]);
  const all = Array<Buffer>(scans).fill(scan);
  return Buffer.concat([Buffer.from([0xff, 0xd8]), frame, codes, ...all, Buffer.from([0xff, 0xd9])]);
}

/** A PNG whose header claims 65536 x 32768 pixels. */
function hugePicture(picture: Buffer): Buffer {
  const copy = Buffer.from(picture);
  copy.writeUInt32BE(65536, 16);
  copy.writeUInt32BE(32768, 20);
  return copy;
}
