import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, symlinkSync } from "node:fs";
import { delimiter, join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { catalogue, dataFolders, dataset } from "../../lib/data/index.js";
import { findFiles, projectFolder } from "../../lib/data/folders.js";
import { needsData, testSizes } from "./realData.js";
import { put, refuses, temporaryFolder } from "./support.js";

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
    await refuses(() => dataset(undefined as unknown as string), "data/name", /unknown data set undefined; known/);
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
  testSizes("mnist");

  test("MNIST has the statistics that are known of it", needsData("mnist"), async () => {
    const mnist = await dataset("mnist");
    assert.equal((1 / mnist.standardised().scale / 255).toFixed(4), "0.3081");
    assert.deepEqual([...mnist.train.labels.subarray(0, 10)], [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
  });
});
