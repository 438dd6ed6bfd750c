import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, symlinkSync } from "node:fs";
import { delimiter, join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { catalogue, dataFolders, dataset } from "../../lib/data/index.js";
import { findFiles, projectFolder } from "../../lib/data/folders.js";
import { needs } from "../support.js";
import { put, refuses, temporaryFolder } from "./support.js";

/** The test's data set, or why it is skipped. */
function needsData(name: string): { skip: string | false } {
  const entry = catalogue.find((candidate) => candidate.name === name);
  assert.ok(entry);
  const found = findFiles(name, entry.files) !== undefined;
  return needs(
    `data set ${name}`,
    found,
    `set TWOTEMP_DATASETS to a folder that holds ${name}/, or put it into datasets/`,
  );
}

function withFolders(t: TestContext, folders: string): void {
  const before = process.env.TWOTEMP_DATASETS;
  process.env.TWOTEMP_DATASETS = folders;
  t.after(() => {
    if (before === undefined) delete process.env.TWOTEMP_DATASETS;
    else process.env.TWOTEMP_DATASETS = before;
  });
}

describe("catalogue", () => {
  test("every entry names its files, licence and citation; what can be downloaded has a checksum", () => {
    assert.deepEqual(
      catalogue.map(({ name }) => name),
      ["digits", "mnist", "fashion-mnist", "kmnist", "emnist-letters", "cifar-10", "cifar-100", "cifar-10-jpeg"],
    );
    for (const { name, about, files, sources } of catalogue) {
      assert.ok(about.source && about.licence && about.citation, name);
      const given = sources.flatMap((source) => source.members?.map((member) => member.name) ?? [source.name]);
      if (sources.length > 0) assert.deepEqual([...given].sort(), [...files].sort(), name);
      for (const { urls, checksum } of sources) {
        assert.ok(urls.length > 0 && urls.every((url) => URL.canParse(url)));
        assert.match(checksum.hex, checksum.algorithm === "md5" ? /^[0-9a-f]{32}$/ : /^[0-9a-f]{64}$/);
      }
    }
  });

  test("the embedded digits", async () => {
    const digits = await dataset("digits");
    assert.deepEqual([...digits.inputShape], [8, 8, 1]);
    assert.deepEqual([digits.train.count, digits.test.count, digits.classCount], [3823, 1797, 10]);
    assert.deepEqual(
      digits.rows("train").map((rows) => rows.length),
      [376, 389, 380, 389, 387, 376, 377, 387, 380, 382],
    );
    assert.equal(digits.scale, 1 / 16);
    assert.deepEqual(
      digits.provenance.files.map(({ sha256 }) => sha256.slice(0, 8)),
      ["e1b683cc", "6ebb3d2f"],
    );
    const target = await dataset("digits:5-9");
    assert.deepEqual(target.classNames, ["5", "6", "7", "8", "9"]);
    assert.equal(target.train.count, 1902);
  });

  test("damaged digits are refused with line and cell", async (t) => {
    const folder = temporaryFolder(t);
    withFolders(t, folder);
    cpSync(join(projectFolder, "digits"), join(folder, "digits"), { recursive: true });
    const row = Array<number>(64).fill(3).join(",");
    for (const [text, code, message] of [
      [`${row},1\n${row}\n`, "data/size", /optdigits.tra, line 2: expected 65 cells, found 64/],
      [
        `${row},1\n17,${row.slice(2)},1\n`,
        "data/values",
        /line 2, cell 1: expected a whole number 0 to 16, found "17"/,
      ],
      [`${row},10\n`, "data/values", /line 1, cell 65: expected a whole number 0 to 9, found "10"/],
      [`${row},-1\n`, "data/values", /found "-1"/],
      ["", "data/empty", /the file is empty/],
    ] as const) {
      put(folder, "digits/optdigits.tra", text);
      await refuses(() => dataset("digits"), code, message);
    }
  });

  test("looks into the folders listed, in order, then into the project's", async (t) => {
    const [first, second] = [temporaryFolder(t), temporaryFolder(t)];
    withFolders(t, [first, second].join(delimiter));
    assert.deepEqual(dataFolders(), [first, second, projectFolder]);
    const files = ["optdigits.tra", "optdigits.tes"];
    assert.deepEqual(
      findFiles("digits", files),
      files.map((file) => join(projectFolder, "digits", file)),
    );
    put(first, "digits/optdigits.tra", "half of the files only");
    mkdirSync(join(second, "digits"));
    for (const file of files) symlinkSync(join(projectFolder, "digits", file), join(second, "digits", file));
    assert.deepEqual(
      findFiles("digits", files),
      files.map((file) => join(second, "digits", file)),
    );
    assert.equal((await dataset("digits")).train.count, 3823);
  });

  test("refuses unknown names; says where files of a set that can't be downloaded go", async (t) => {
    await refuses(() => dataset("mnits"), "data/name", /unknown data set "mnits"; known: digits, mnist/);
    await refuses(() => dataset("__proto__"), "data/name", /unknown data set/);
    await refuses(() => dataset("../digits"), "data/name", /unknown data set/);
    await refuses(() => dataset("digits:0-12"), "data/classes", /no class "0-12"/);
    withFolders(t, temporaryFolder(t));
    if (!existsSync(join(projectFolder, "cifar-10-jpeg"))) {
      await refuses(
        () => dataset("cifar-10-jpeg"),
        "data/path",
        /cifar-10-jpeg can't be downloaded: put data_batch_1.bin/,
      );
    }
  });
});

describe("real data", () => {
  const expected: [string, number[], number, number, number][] = [
    // name, shape, classes, training examples, test examples
    ["mnist", [28, 28, 1], 10, 60000, 10000],
    ["fashion-mnist", [28, 28, 1], 10, 60000, 10000],
    ["emnist-letters", [28, 28, 1], 26, 124800, 20800],
    ["cifar-10-jpeg", [32, 32, 3], 10, 20000, 10000],
  ];
  for (const [name, shape, classes, train, testing] of expected) {
    test(name, needsData(name), async () => {
      const found = await dataset(name);
      assert.deepEqual([...found.inputShape], shape);
      assert.deepEqual([found.classCount, found.train.count, found.test.count], [classes, train, testing]);
      assert.ok(found.train.inputs instanceof Uint8Array);
      assert.equal(found.provenance.files.length, name === "cifar-10-jpeg" ? 3 : 4);
    });
  }

  test("EMNIST letters stand upright", needsData("emnist-letters"), async () => {
    const letters = await dataset("emnist-letters");
    const mean = (name: string): ((row: number, column: number) => number) => {
      const sum = new Float64Array(784);
      const rows = letters.rows("train")[letters.classNames.indexOf(name)];
      for (const row of rows) letters.image("train", row).pixels.forEach((value, i) => (sum[i] += value / rows.length));
      return (row, column) => sum[28 * row + column];
    };
    // A U is open above and closed below; a P has its bowl above.
    const cup = mean("U");
    assert.ok(cup(8, 12) < cup(8, 6) / 2 && cup(8, 12) < cup(8, 20) / 2 && cup(20, 12) > 100);
    const bowl = mean("P");
    assert.ok(bowl(6, 20) > 80 && bowl(22, 20) < 10);
  });

  test("MNIST has the statistics that are known of it", needsData("mnist"), async () => {
    const mnist = await dataset("mnist");
    assert.equal((1 / mnist.standardised().scale / 255).toFixed(4), "0.3081");
    assert.deepEqual([...mnist.train.labels.subarray(0, 10)], [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
  });

  test("CIFAR's first picture is a coloured frog", needsData("cifar-10-jpeg"), async () => {
    const cifar = await dataset("cifar-10-jpeg");
    assert.match(cifar.provenance.source, /JPEG-recompressed/);
    const { className, channels } = cifar.image("train", 0);
    assert.deepEqual([className, channels], ["frog", 3]);
  });
});
