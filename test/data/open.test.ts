import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import {
  type ExampleData,
  errorOf,
  figures,
  openData,
  tellingSensors,
  TwotempError,
  writeExampleData,
} from "../../lib/index.js";
import { root, temporaryFolder } from "../scripts/support.js";

const folder = temporaryFolder("open");
let examples: ExampleData;
before(async () => void (examples = await writeExampleData(join(folder, "examples"))));

const sha256 = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");

describe("opening data by its path", () => {
  test("the example data are a table and two folders of pictures", async () => {
    const sensors = await openData(examples.sensors, { label: "event" });
    assert.deepEqual(sensors.inputShape, [24]);
    assert.equal(sensors.inputNames?.length, 24);
    assert.equal(sensors.inputNames?.[23], "s24");
    assert.deepEqual(sensors.classNames, ["idle", "leak", "load", "stall", "start", "stop", "surge", "wear"]);
    assert.equal(sensors.train.count + sensors.test.count, 1200);
    assert.deepEqual(sensors.classes("idle,leak").standardised().inputNames, sensors.inputNames);

    const letters = await openData(examples.letters);
    assert.deepEqual(letters.inputShape, [16, 16, 1]);
    assert.deepEqual(letters.classNames, [..."ABCDEFGHIJKL"]);
    assert.equal(letters.inputNames, undefined);
    const shapes = await openData(examples.shapes, { size: 8 });
    assert.deepEqual(shapes.inputShape, [8, 8, 3]);
    assert.equal(shapes.classCount, 8);
  });

  test("of the sensors just those that are said to tell the event differ between events", async () => {
    const sensors = await openData(examples.sensors);
    const rows = sensors.rows("train");
    const spread = sensors.inputNames!.map((_, column) => {
      const means = rows.map((own) => {
        const values = sensors.batch("train", own);
        return own.reduce((sum, __, i) => sum + values[24 * i + column], 0) / own.length;
      });
      return Math.max(...means) - Math.min(...means);
    });
    const telling = sensors.inputNames!.filter((_, column) => spread[column] > 1);
    assert.deepEqual(telling, tellingSensors);
  });

  test("the same files are written on every call", async () => {
    const again = await writeExampleData(join(folder, "again"));
    for (const file of [["sensors.csv"], ["letters", "C", "07.png"], ["shapes", "ring", "59.png"]]) {
      assert.equal(sha256(join(folder, "again", ...file)), sha256(join(folder, "examples", ...file)));
    }
    assert.notEqual(sha256(join(again.letters, "A", "00.png")), sha256(join(again.letters, "A", "01.png")));
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
      await told(examples.shapes, { label: "event" }),
      '/examples/shapes is a folder of pictures, which is read with size, channels, background; got "label"',
    );
    assert.match(await told(examples.sensors, { label: "events" }), /no column "events"; columns are s01, s02/);

    const table = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    assert.match(await told(table("one.csv", "a,b,label\n1,2,x\n3,4,x\n")), /at least 2 classes, found 1: "x"/);
    assert.match(await told(table("few.csv", "a,b,label\n1,2,x\n3,4,y\n")), /class "x" has 1 example, .* needs 2/);
    assert.match(await told(table("text.csv", "a,b,label\n1,red,x\n3,4,y\n")), /line 2, column "b": expected a number/);
    assert.match(await told(table("real.csv", "1,2,0.5\n3,4,1.5\n")), /expected a class label, found the number 0\.5/);

    const mixed = join(folder, "mixed");
    mkdirSync(mixed);
    cpSync(join(examples.letters, "A"), join(mixed, "A"), { recursive: true });
    cpSync(join(examples.shapes, "ring"), join(mixed, "ring"), { recursive: true });
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
