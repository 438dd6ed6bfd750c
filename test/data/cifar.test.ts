import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readCifar } from "../../lib/data/index.js";
import { cifarRecord, put, refuses, temporaryFolder } from "./support.js";

describe("CIFAR", () => {
  const first = Buffer.concat([cifarRecord([0], 1, 2, 3), cifarRecord([1], 4, 5, 6)]);
  const second = cifarRecord([1], 7, 8, 9);

  test("joins batches and puts channels last", async (t) => {
    const folder = temporaryFolder(t);
    const train = [put(folder, "one.bin", first), put(folder, "two.bin", second)];
    const names = put(folder, "names.txt", "cat\ndog\n\n");
    const dataset = await readCifar({ train, test: [train[0]], classNames: names }, { name: "pets" });
    assert.deepEqual([...dataset.inputShape], [32, 32, 3]);
    assert.deepEqual(dataset.classNames, ["cat", "dog"]);
    assert.deepEqual([...dataset.train.labels], [0, 1, 1]);
    for (const [row, pixel] of [
      [1, 2, 3],
      [4, 5, 6],
      [7, 8, 9],
    ].entries()) {
      const picture = dataset.image("train", row);
      for (const at of [0, 500, 1023]) assert.deepEqual([...picture.pixels.subarray(3 * at, 3 * at + 3)], pixel);
    }
    assert.deepEqual(
      dataset.provenance.files.map(({ name }) => name),
      ["one.bin", "two.bin", "one.bin", "names.txt"],
    );
  });

  test("reads coarse and fine labels of two", async (t) => {
    const file = put(
      temporaryFolder(t),
      "train.bin",
      Buffer.concat([cifarRecord([0, 2], 1, 1, 1), cifarRecord([1, 0], 2, 2, 2), cifarRecord([1, 1], 3, 3, 3)]),
    );
    const read = async (labels: "coarse" | "fine"): Promise<number[]> => [
      ...(await readCifar({ train: [file], test: [file] }, { labels })).train.labels,
    ];
    assert.deepEqual(await read("coarse"), [0, 1, 1]);
    assert.deepEqual(await read("fine"), [2, 0, 1]);
  });

  test("refuses cut files, labels out of range, no file", async (t) => {
    const folder = temporaryFolder(t);
    const good = put(folder, "good.bin", first);
    const cut = put(folder, "cut.bin", first.subarray(0, 3100));
    const wild = put(folder, "wild.bin", Buffer.concat([first, cifarRecord([9], 0, 0, 0)]));
    const classNames = ["cat", "dog"];
    await refuses(
      () => readCifar({ train: [cut], test: [good] }),
      "data/size",
      /cut.bin, byte 3073: expected records of 3073 bytes, found 27 bytes/,
    );
    await refuses(
      () => readCifar({ train: [wild], test: [good] }, { classNames }),
      "data/labels",
      /wild.bin, byte 6146: expected a label from 0 to 1, found 9/,
    );
    await refuses(
      () => readCifar({ train: [good], test: [good] }, { labels: "rough" as "fine" }),
      "data/option",
      /good.bin: invalid labels "rough": .*"single"\|"coarse"\|"fine"/,
    );
    await refuses(() => readCifar({ train: [], test: [good] }), "data/empty", /train split holds no examples/);
    await refuses(() => readCifar({ train: ["/nowhere.bin"], test: [good] }), "data/path", /no such file/);
  });
});
