import assert from "node:assert/strict";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { errorOf, figures, openData, type OpenOptions, TwotempError } from "../../lib/index.js";
import { root, temporaryFolder } from "../scripts/support.js";
import { encodedPicture, put } from "./support.js";

const folder = temporaryFolder("open");
const [letters, shapes] = ["letters", "shapes"].map((name) => join(folder, name));
const table = (name: string, text: string): string => put(folder, name, text);
let sensors: string;

// A few rows and pictures in place of the example data, which are read in `open.slow.test.ts`.
before(async () => {
  sensors = table("sensors.csv", "s01,s02,event\n1,2,idle\n3,4,leak\n5,6,idle\n7,8,leak\n");
  for (const [place, classes, colour] of [
    [letters, ["A", "B"], 0x808080ff],
    [shapes, ["bar", "ring"], 0xff2010ff],
  ] as const) {
    const picture = await encodedPicture(4, 3, () => colour);
    for (const name of classes) for (const file of ["00.png", "01.png"]) put(place, `${name}/${file}`, picture);
  }
});

describe("opening data by its path", () => {
  test("a table and a folder of pictures open", async () => {
    const table = await openData(sensors, { label: "event" });
    assert.deepEqual(
      [table.inputNames, table.classNames],
      [
        ["s01", "s02"],
        ["idle", "leak"],
      ],
    );
    const pictures = await openData(shapes, { size: 2 });
    assert.deepEqual(
      [pictures.inputShape, pictures.classNames],
      [
        [2, 2, 3],
        ["bar", "ring"],
      ],
    );
  });

  test("a Parquet file of pictures opens too", async () => {
    const bars = await openData(join(root, "test/data/fixtures/bars-train.parquet"));
    assert.equal(bars.inputShape.length, 3);
  });

  /** Pictures of other classes and files in a folder of their own. */
  const folderOf = async (
    name: string,
    files: Record<string, readonly [width: number, colour: number]>,
  ): Promise<string> => {
    for (const [file, [width, colour]] of Object.entries(files)) {
      put(join(folder, name), file, await encodedPicture(width, 3, () => colour));
    }
    return join(folder, name);
  };
  const [grey, red] = [0x808080ff, 0xff2010ff];
  const mistakes: [what: string, path: () => string | Promise<string>, options: OpenOptions, line: RegExp][] = [
    ["a wrong path", () => "nowhere.csv", {}, /^nowhere\.csv: no such file or folder; relative paths start in .+/],
    ["another kind of file", () => join(root, "README.md"), {}, /expected a table \(\.csv.*or a folder of pictures$/],
    [
      "an option of another kind of data",
      () => shapes,
      { label: "event" },
      /^\/shapes is a folder of pictures, which is read with size, channels, background; got "label"$/,
    ],
    ["a label column that isn't there", () => sensors, { label: "events" }, /no column "events"; columns are s01, s02/],
    [
      "one class in a table",
      () => table("one.csv", "a,b,label\n1,2,x\n3,4,x\n"),
      {},
      /at least 2 classes, found 1: "x"/,
    ],
    [
      "one class in a folder",
      () => folderOf("single", { "A/0.png": [4, grey] }),
      {},
      /expected a folder of pictures for each of at least 2 classes, found 1 folder$/,
    ],
    [
      "the folder of one class in place of the whole",
      () => join(letters, "A"),
      {},
      /^\/letters\/A: holds pictures, as the folder of one class does; give the folder with a folder for each class, such as \/letters$/,
    ],
    [
      "too few examples",
      () => table("few.csv", "a,b,label\n1,2,x\n3,4,y\n"),
      {},
      /class "x" has 1 example, .* needs 2/,
    ],
    [
      "text in a feature",
      () => table("text.csv", "a,b,label\n1,red,x\n3,4,y\n"),
      {},
      /^\/text\.csv, line 2, column "b": expected a number, found "red"; a column without numbers goes into ignore$/,
    ],
    [
      "measurements as labels",
      () => table("real.csv", "1,2,0.5\n3,4,1.5\n"),
      {},
      /expected a class label, found the number 0\.5/,
    ],
    [
      "a label by name where there is no header",
      () => table("bare.csv", "1,2,x\n3,4,y\n"),
      { label: "event" },
      /no column "event"; columns are 1, 2, x; the first line holds numbers: if it is no header, give the column's number/,
    ],
    [
      "grey and coloured pictures",
      () => folderOf("mixed", { "A/00.png": [4, grey], "ring/00.png": [4, red] }),
      {},
      /00\.png is grey, .* is coloured; give channels: 1 \(grey\) or 3 \(colour\)/,
    ],
    [
      "pictures of different sizes",
      () => folderOf("sizes", { "A/0.png": [4, grey], "B/0.png": [5, grey] }),
      {},
      /^\/sizes\/B\/0\.png: 5 x 3 pixels, but \/sizes\/A\/0\.png has 4 x 3; give size, for example size: 32$/,
    ],
  ];
  for (const [what, path, options, line] of mistakes) {
    test(`${what}: one line that says what to do`, async () => {
      const found = await path();
      const told = await errorOf(() => openData(found, options));
      assert.doesNotMatch(told, /\n/);
      assert.match(told.replaceAll(folder, ""), line);
    });
  }

  test("labels may be text, and a table needs no header", async () => {
    const bare = table("words.csv", "1,2,idle\n3,4,leak\n5,6,idle\n7,8,leak\n");
    const { classNames, train } = await openData(bare);
    assert.deepEqual([classNames, train.count], [["idle", "leak"], 2]);
  });

  test("errorOf passes other errors on and refuses a success", async () => {
    await assert.rejects(
      errorOf(() => JSON.parse("{")),
      SyntaxError,
    );
    await assert.rejects(
      errorOf(() => 1),
      { code: "errors/none" },
    );
    assert.equal(await errorOf(() => Promise.reject(new TwotempError("a/b", "one\nline"))), "one line");
  });

  test("the figure of kept inputs counts architectures by name", async () => {
    const dataset = { name: "three", inputNames: ["a", "b", "c"], inputShape: [3] };
    const { table } = figures.keptInputs([{ mask: [1, 0, 1] }, { mask: [0, 0, 1] }], dataset);
    assert.deepEqual(table.rows, [
      ["c", 2],
      ["a", 1],
    ]);
    assert.throws(() => figures.keptInputs([{ mask: [1] }], dataset), { code: "plot/inputs" });
    assert.throws(() => figures.keptInputs([], dataset), { code: "plot/inputs" });
    const pixels = { name: "pixels", inputNames: undefined, inputShape: [1, 2, 1] };
    assert.deepEqual(figures.keptInputs([{ mask: [0, 1] }], pixels).table.rows, [["row 1, column 2, channel 1", 1]]);
  });
});
