import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { type ExampleData, openData, tellingSensors, writeExampleData } from "../../lib/index.js";
import { temporaryFolder } from "../scripts/support.js";

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
});
