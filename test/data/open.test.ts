import assert from "node:assert/strict";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { errorOf, figures, openData, TwotempError } from "../../lib/index.js";
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

  test("each plausible mistake is one line that says what to do", async () => {
    const told = async (path: string, options = {}): Promise<string> => {
      const line = await errorOf(() => openData(path, options));
      assert.doesNotMatch(line, /\n/);
      return line.replaceAll(folder, "");
    };
    assert.match(await told("nowhere.csv"), /^nowhere\.csv: no such file or folder; relative paths start in .+/);
    assert.match(await told(join(root, "README.md")), /expected a table \(\.csv.*or a folder of pictures$/);
    assert.equal(
      await told(shapes, { label: "event" }),
      '/shapes is a folder of pictures, which is read with size, channels, background; got "label"',
    );
    assert.match(await told(sensors, { label: "events" }), /no column "events"; columns are s01, s02/);

    assert.match(await told(table("one.csv", "a,b,label\n1,2,x\n3,4,x\n")), /at least 2 classes, found 1: "x"/);
    assert.match(await told(table("few.csv", "a,b,label\n1,2,x\n3,4,y\n")), /class "x" has 1 example, .* needs 2/);
    assert.match(await told(table("text.csv", "a,b,label\n1,red,x\n3,4,y\n")), /line 2, column "b": expected a number/);
    assert.match(await told(table("real.csv", "1,2,0.5\n3,4,1.5\n")), /expected a class label, found the number 0\.5/);

    const mixed = join(folder, "mixed");
    cpSync(join(letters, "A"), join(mixed, "A"), { recursive: true });
    cpSync(join(shapes, "ring"), join(mixed, "ring"), { recursive: true });
    assert.match(await told(mixed), /00\.png is grey, .* is coloured; give channels: 1 \(grey\) or 3 \(colour\)/);
    rmSync(join(mixed, "ring"), { recursive: true });
    assert.match(await told(mixed), /expected a folder of pictures for each of at least 2 classes, found 1 folder/);
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
