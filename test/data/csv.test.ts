import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { DataFrame } from "danfojs-node";
import { dataset as namedDataset, fromDataFrame, readCsv } from "../../lib/data/index.js";
import { peakGrowth } from "../fuzz.js";
import { projectFolder } from "../../lib/data/folders.js";
import { put, refuses, temporaryFolder } from "./support.js";

const flowers = `length,width,species
5.1,3.5,setosa
4.9,3.0,setosa
7.0,3.2,versicolor
6.4,3.2,versicolor
6.3,3.3,virginica
5.8,2.7,virginica
`;

describe("CSV", () => {
  test("reads numbers and text labels, with columns standardised over the training examples", async (t) => {
    const path = put(temporaryFolder(t), "flowers.csv", flowers);
    const dataset = await readCsv(path, { label: "species", testFraction: 0.5 });
    assert.equal(dataset.name, "flowers");
    assert.deepEqual(dataset.classNames, ["setosa", "versicolor", "virginica"]);
    assert.deepEqual([dataset.train.count, dataset.test.count], [3, 3]);
    const values = dataset.batch("train", [0, 1, 2]);
    assert.ok(Math.abs(values[0] + values[2] + values[4]) < 1e-6);
    assert.match(
      dataset.provenance.steps.join("; "),
      /read from CSV; fraction 0.5 .* held out .*; each column centred/,
    );
    assert.equal(dataset.provenance.files[0].name, "flowers.csv");
  });

  test("keeps raw columns when asked, and takes a test file", async (t) => {
    const folder = temporaryFolder(t);
    const path = put(folder, "flowers.csv", flowers);
    const test = put(folder, "test.csv", "length,width,species\n1,2,virginica\n");
    const dataset = await readCsv(path, { test, columns: "raw" });
    assert.deepEqual([...dataset.batch("train", [2])], [7, Math.fround(3.2)]);
    assert.deepEqual([...dataset.batch("test", [0])], [1, 2]);
    assert.deepEqual([...dataset.test.labels], [2]);
  });

  test("guesses header and delimiter; takes labels by number, ignores columns, strips a byte order mark", async (t) => {
    const folder = temporaryFolder(t);
    const bare = put(folder, "bare.csv", "10;1;2\r\n9;3;4\r\n10;5;6\r\n9;7;8\r\n\r\n");
    const dataset = await readCsv(bare, { label: 0, columns: "raw", testFraction: 0.5 });
    assert.deepEqual(dataset.classNames, ["9", "10"]);
    assert.deepEqual([...dataset.inputShape], [2]);
    const marked = put(
      folder,
      "marked.csv",
      '\ufeffid\tx\tklass\na\t1\t"ä, b"\nb\t2\t"ä, b"\nc\t3\t__proto__\nd\t4\t__proto__\n',
    );
    const named = await readCsv(marked, { label: "klass", ignore: ["id"], columns: "raw" });
    assert.deepEqual(named.classNames, ["__proto__", "ä, b"]);
    assert.deepEqual([...named.inputShape], [1]);
  });

  test("text survives the cut between two blocks of a large file", async (t) => {
    const folder = temporaryFolder(t);
    const long = "✓".repeat(400_000); // of three bytes each, so that one of three places lies within a character
    for (const shift of ["", "0", "00"]) {
      const path = put(folder, "large.csv", `${shift}1,${long}\n2,${long}\n3,größer\n4,größer\n`);
      const { classNames } = await readCsv(path);
      assert.ok(classNames[0] === "größer" && classNames[1] === long, shift);
    }
  });

  test("a byte order mark may stand before a quote", async (t) => {
    const path = put(temporaryFolder(t), "marked.csv", '\ufeff"x, cm","k"\n1,a\n2,a\n3,b\n4,b\n');
    const { inputNames } = await readCsv(path, { label: "k" });
    assert.deepEqual(inputNames, ["x, cm"]);
  });

  test("columns far from zero keep what differs", async (t) => {
    const rows = Array.from({ length: 8 }, (_, i) => `${1_700_000_000 + i},${i % 2}\n`);
    const { train, test } = await readCsv(put(temporaryFolder(t), "times.csv", rows.join("")), { header: false });
    assert.equal(new Set([...train.inputs, ...test.inputs]).size, 8);
  });

  test("labels: booleans, and whole numbers with or without a point", async (t) => {
    const folder = temporaryFolder(t);
    const numbers = put(folder, "numbers.csv", "x,k\n1,10.0\n2,10\n3,2.0\n4,2\n");
    assert.deepEqual((await readCsv(numbers)).classNames, ["2", "10"]);
    const frame = new DataFrame({ x: [1, 2, 3, 4], k: [true, false, true, false] });
    assert.deepEqual(fromDataFrame(frame, { label: "k" }).classNames, ["false", "true"]);
    const missing = {
      columns: ["x", "k"],
      values: [
        [1, 1],
        [2, NaN],
      ],
    };
    await refuses(
      () => fromDataFrame(missing),
      "data/labels",
      /line 2, column "k": expected a class label, found "NaN"/,
    );
  });

  test("takes twice its data and 100 MB while it reads, and a quote that is left open ends it", async (t) => {
    const folder = temporaryFolder(t);
    const rows = Array.from(
      { length: 6000 },
      (_, i) => `${Array.from({ length: 784 }, (_, j) => (i * j) % 256).join(",")},${i % 10}\n`,
    );
    const path = put(folder, "large.csv", rows.join(""));
    rows.length = 0;
    let bytes = 0;
    const growth = await peakGrowth(async () => {
      const { train, test } = await readCsv(path, { header: false });
      bytes = train.inputs.byteLength + test.inputs.byteLength;
    });
    assert.equal(bytes, 4 * 784 * 6000);
    t.diagnostic(`${bytes >> 20} MB of data, ${growth >> 20} MB more at most`);
    assert.ok(growth < 2 * bytes + (100 << 20), `${growth} bytes`);
    const open = put(folder, "open.csv", Buffer.concat([Buffer.from('1,a\n2,"b'), Buffer.alloc(32 << 20, "1,a\n")]));
    const started = performance.now();
    await refuses(
      () => readCsv(open),
      "data/csv",
      /open.csv, after row 1: not a CSV file: the next one doesn't end within 16777216 characters/,
    );
    t.diagnostic(`refused after ${(performance.now() - started).toFixed(0)} ms`);
  });

  test("a line's end survives the cut between two blocks, behind a quote", async (t) => {
    const folder = temporaryFolder(t);
    for (const shift of ["", "0"]) {
      const line = (i: number): string => `1${String(i % 10).repeat(11)},"${i % 2 ? "a" : "b"}"\r\n`;
      const head = `${shift}1,"a"\r\n`.padStart(16, "0");
      const path = put(folder, "large.csv", head + Array.from({ length: 140_000 }, (_, i) => line(i)).join(""));
      const { train, test } = await readCsv(path, { header: false });
      assert.equal(train.count + test.count, 140_001);
    }
  });

  test("reads the embedded digits as their own reader does", async () => {
    const digits = await namedDataset("digits");
    const file = (name: string): string => `${projectFolder}/digits/${name}`;
    const table = await readCsv(file("optdigits.tra"), {
      test: file("optdigits.tes"),
      inputShape: [8, 8, 1],
      rawMaximum: 16,
    });
    assert.deepEqual(table.classNames, digits.classNames);
    assert.deepEqual(table.train.labels, digits.train.labels);
    assert.deepEqual(table.batch("test", [0, 7, 1796]), digits.batch("test", [0, 7, 1796]));
    assert.deepEqual(table.image("test", 3), digits.image("test", 3));
  });

  test("stops while it reads, and then gives nothing", async (t) => {
    const path = put(
      temporaryFolder(t),
      "long.csv",
      Array.from({ length: 20_000 }, (_, i) => `${i},a${i % 2}`).join("\n"),
    );
    const whole = await readCsv(path);
    assert.equal(whole.train.count + whole.test.count, 20_000);
    const controller = new AbortController();
    const reading = readCsv(path, { signal: controller.signal });
    setTimeout(() => controller.abort(), 5);
    await assert.rejects(reading, { name: "AbortError" });
  });

  test("takes a DataFrame", async () => {
    const frame = new DataFrame({ x: [1, 2, 3, 4], y: [4, 3, 2, 1], kind: ["b", "a", "b", "a"] });
    const dataset = fromDataFrame(frame, { label: "kind", testFraction: 0.5, columns: "raw", name: "frame" });
    assert.deepEqual(dataset.classNames, ["a", "b"]);
    assert.equal(dataset.train.count, 2);
    await refuses(
      () => fromDataFrame(frame, { label: "sort" }),
      "data/column",
      /no column "sort"; columns are x, y, kind/,
    );
    await refuses(() => fromDataFrame({ columns: ["a"], values: [1, 2] }), "data/csv", /rows of cells/);
    await refuses(
      () => fromDataFrame(frame, { lable: "kind" } as object),
      "data/option",
      /data frame is a DataFrame, which is read with label, ignore, columns, inputShape, rawMaximum; got "lable"/,
    );
  });

  const broken: [string, string | Buffer, object, string, RegExp][] = [
    [
      "Latin-1",
      Buffer.from("1,Málaga\n2,Málaga\n3,Mélaga\n4,Mélaga\n", "latin1"),
      {},
      "data/csv",
      /broken.csv isn't UTF-8; save it as UTF-8$/,
    ],
    ["a character that the end cuts", Buffer.from("1,a\n2,b\xc3", "latin1"), {}, "data/csv", /broken.csv isn't UTF-8/],
    ["UTF-16", Buffer.from("\ufeff1,a\n2,b\n", "utf16le"), {}, "data/csv", /isn't UTF-8: .* byte-order mark of UTF-16/],
    [
      "UTF-16 of the other order",
      Buffer.from("\ufeff1,a\n2,b\n", "utf16le").swap16(),
      { delimiter: "," },
      "data/csv",
      /isn't UTF-8: .* byte-order mark of UTF-16/,
    ],
    ["gzip", gzipSync("1,a\n2,b\n"), {}, "data/csv", /broken.csv starts with 1f 8b, as gzip does; unpack it first/],
    [
      "an option that isn't there",
      flowers,
      { lable: "species" },
      "data/option",
      /broken.csv is a table, which is read with label, .*, delimiter; got "lable"/,
    ],
    [
      "a text for options",
      flowers,
      "species" as unknown as object,
      "data/option",
      /is read with label.*; got "species"/,
    ],
    ["an unknown unit", flowers, { columns: "Raw" }, "data/option", /invalid columns "Raw": .*"standardised"\|"raw"/],
    ["a name for a list", flowers, { ignore: "width" }, "data/option", /invalid ignore "width": .*expected array/],
    ["a number for a shape", flowers, { inputShape: 2 }, "data/option", /invalid inputShape 2: .*expected array/],
    ["a list for a label", flowers, { label: ["species"] }, "data/option", /a column's name, or its number from 0/],
    ["nothing", "", {}, "data/empty", /the file is empty/],
    ["blank lines only", "\n\n", {}, "data/csv", /line 1: expected at least 2 cells/],
    ["a header only", "a,b\n", {}, "data/classes", /expected at least 2 classes, found 0/],
    ["one column", "1\n2\n", {}, "data/csv", /line 1: expected at least 2 cells/],
    [
      "a cell that isn't a number",
      "1,a\n2,b\nx,a\n4,b\n",
      {},
      "data/values",
      /line 3, column "0": expected a number, found "x"/,
    ],
    [
      "an empty cell",
      "v,w,k\n1,2,a\n1,,b\n",
      {},
      "data/values",
      /line 3, column "w": expected a number, found nothing; fill the cell or leave the row out/,
    ],
    [
      "a decimal comma",
      'v,w,k\n1,2,a\n1,"2,5",b\n',
      {},
      "data/values",
      /found "2,5"; decimals are written with a point/,
    ],
    ["an infinite number", "1,a\n1e999,b\n", {}, "data/values", /line 2, column "0": expected a number, found "1e999"/],
    ["a number beyond float32", "1,a\n1e39,b\n", {}, "data/values", /line 2/],
    ["a hexadecimal number", "1,a\n0x10,b\n", {}, "data/values", /found "0x10"/],
    ["rows of different lengths", "1,2,a\n1,b\n", {}, "data/csv", /line 2: expected 3 cells, found 2/],
    ["a blank line between", "1,2,a\n\n3,4,b\n", {}, "data/csv", /line 2: expected 3 cells, found 1/],
    ["an open quote", '1,2,a\n"1,2,b\n', {}, "data/csv", /not a CSV file: .*unterminated/],
    [
      "a header of numbers and names",
      "1,name,a\n1,2,b\n",
      {},
      "data/csv",
      /line 1: expected numbers or column names, found both/,
    ],
    [
      "a row of columns' numbers",
      "0,1,2\n5,3,1\n4,2,0\n",
      {},
      "data/csv",
      /line 1: 0, 1, 2, ... may be columns' numbers/,
    ],
    ["columns' numbers beside a name", "0,1,k\n5,3,a\n4,2,b\n", {}, "data/csv", /say header: true or header: false/],
    ["a blank line at the start", "\n1,2,a\n", {}, "data/csv", /line 1: expected a row, found a blank line/],
    [
      "a column without a name",
      ",x,k\n0,5,a\n1,3,b\n",
      { label: "k" },
      "data/column",
      /line 1: column 0 has no name.*leave it out by ignore: \[0\], or name it/,
    ],
    ["no label", "1,\n2,b\n", {}, "data/labels", /line 1, column "1": expected a class label, found nothing/],
    ["a measured number as label", "1,0.5\n2,0.7\n", {}, "data/labels", /expected a class label, found the number 0.5/],
    [
      "an unknown label column",
      flowers,
      { label: "colour" },
      "data/column",
      /no column "colour"; columns are length, width, species/,
    ],
    ["a label column beyond the last", flowers, { label: 7 }, "data/column", /no column 7/],
    [
      "a label by name where the header is missing",
      "175.4,2.5,3\n3,4,5\n",
      { label: "event" },
      "data/column",
      /no column "event"; columns are 175.4, 2.5, 3; the first line holds numbers: if it is no header, give the column's number/,
    ],
    [
      "a label by name without header",
      "1,2,a\n3,4,b\n",
      { header: false, label: "species" },
      "data/column",
      /no column "species"/,
    ],
    [
      "two columns of one name",
      "x,x,k\n1,2,a\n3,4,b\n",
      { label: "k", ignore: ["x"] },
      "data/column",
      /several columns are called "x"/,
    ],
    ["one class", "1,a\n2,a\n3,a\n", {}, "data/classes", /expected at least 2 classes, found 1: "a"/],
    ["a class of one example", "1,a\n2,a\n3,b\n", {}, "data/shots", /class "b" has 1 example/],
    ["no feature", "k,l\na,b\nb,a\n", { ignore: ["k"] }, "data/column", /expected a feature beside the label/],
    [
      "a shape that doesn't fit",
      flowers,
      { inputShape: [2, 2, 1] },
      "data/shape",
      /shape \[2,2,1\] needs 4 feature columns, found 2/,
    ],
  ];
  for (const [what, content, options, code, message] of broken) {
    test(`refuses ${what}`, async (t) => {
      const path = put(temporaryFolder(t), "broken.csv", content);
      await refuses(() => readCsv(path, options), code, message);
    });
  }

  test("refuses a test file with other columns or an unknown class, and a wrong path", async (t) => {
    const folder = temporaryFolder(t);
    const path = put(folder, "flowers.csv", flowers);
    const other = put(folder, "other.csv", "a,b,species\n1,2,setosa\n");
    const unknown = put(folder, "unknown.csv", "length,width,species\n1,2,rosa\n");
    await refuses(
      () => readCsv(path, { test: other }),
      "data/column",
      /other.csv: expected the columns of .*flowers.csv: length, width, species/,
    );
    await refuses(() => readCsv(path, { test: unknown }), "data/classes", /class "rosa" has no training example/);
    await refuses(() => readCsv(`${folder}/nowhere.csv`), "data/path", /no such file/);
    await refuses(() => readCsv("http://127.0.0.1:1/x.csv"), "data/path", /no such file/);
  });
});
