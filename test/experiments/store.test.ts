import assert from "node:assert/strict";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { TwotempError } from "../../lib/errors.js";
import { encodeRecord, makeRecord } from "../../lib/experiments/record.js";
import { RunStore } from "../../lib/experiments/store.js";
import { executeTask, makeTask } from "../../lib/experiments/task.js";
import { emptyFolder, recordBytes, stamp, walks } from "./support.js";

const record = async (seed: number) => {
  const task = makeTask("walk", { seed, size: 10 });
  return makeRecord(stamp, task, await executeTask(task, { inputs: [] }));
};

describe("run store", () => {
  test("keeps records, found again when it is opened again", async (context) => {
    const folder = emptyFolder(context);
    const first = new RunStore(folder);
    const records = await Promise.all([0, 1, 2].map(record));
    for (const one of records) first.put(one);
    assert.equal(first.size, 3);
    first.close();
    assert.ok(existsSync(join(folder, "index")));
    const again = new RunStore(folder);
    assert.deepEqual(again.get(records[1].task.id), records[1]);
    assert.deepEqual(again.ids().sort(), records.map(({ task }) => task.id).sort());
    again.close();
    assert.deepEqual(readdirSync(join(folder, "locks", "owners")), []);
  });

  test("finds torn, edited and swapped records, sets them aside and doesn't trust them", async (context) => {
    const folder = emptyFolder(context);
    const store = new RunStore(folder);
    const records = await Promise.all([0, 1, 2, 3, 4].map(record));
    for (const one of records) store.put(one);
    store.close();
    const path = (i: number): string => store.path(records[i].task.id);
    truncateSync(path(0), 100);
    const text = readFileSync(path(1), "utf8");
    const digit = text.search(/"end":-?\d/) + 7;
    writeFileSync(path(1), text.slice(0, digit) + ((Number(text[digit]) + 1) % 10 || 1) + text.slice(digit + 1));
    writeFileSync(path(2), encodeRecord(records[3]));
    appendFileSync(path(4), "\n");
    const again = new RunStore(folder);
    for (const [i, good] of [false, false, false, true, false].entries()) {
      assert.equal(again.has(records[i].task.id), good, `record ${i}`);
      assert.equal(again.get(records[i].task.id) !== undefined, good);
    }
    assert.equal(again.setAside.length, 4);
    assert.equal(readdirSync(join(folder, "aside")).length, 4);
    again.put(records[0]);
    assert.deepEqual(again.get(records[0].task.id), records[0]);
    again.close();
  });

  test("writes a record again that it knew and that was removed", async (context) => {
    const store = new RunStore(emptyFolder(context));
    const one = await record(8);
    store.put(one);
    rmSync(store.path(one.task.id));
    store.put(one);
    assert.deepEqual(store.get(one.task.id), one);
    store.close();
  });

  test("an edit that keeps size and time is found when the record is read", async (context) => {
    const folder = emptyFolder(context);
    const store = new RunStore(folder);
    const one = await record(7);
    store.put(one);
    const path = store.path(one.task.id);
    const text = readFileSync(path, "utf8");
    writeFileSync(path, text.replace('"size":10', '"size":11'));
    assert.equal(store.get(one.task.id), undefined);
    assert.equal(store.has(one.task.id), false);
    store.close();
  });

  test("makes its index again when it is missing or spoilt", async (context) => {
    const folder = emptyFolder(context);
    const store = new RunStore(folder);
    const one = await record(1);
    store.put(one);
    store.close();
    for (const spoil of [
      () => rmSync(join(folder, "index")),
      () => writeFileSync(join(folder, "index"), "\0nonsense"),
    ]) {
      spoil();
      const again = new RunStore(folder);
      assert.ok(again.has(one.task.id));
      again.close();
      assert.match(readFileSync(join(folder, "index"), "utf8"), new RegExp(`^twotemp index 1\n${one.task.id} `));
    }
  });

  test("a reader changes nothing", async (context) => {
    const folder = emptyFolder(context);
    const store = new RunStore(folder);
    const one = await record(1);
    store.put(one);
    store.close();
    truncateSync(store.path(one.task.id), 50);
    const reader = new RunStore(folder, { readOnly: true });
    assert.equal(reader.has(one.task.id), false);
    assert.equal(reader.get(one.task.id), undefined);
    assert.equal(reader.setAside.length, 1);
    reader.close();
    assert.ok(existsSync(store.path(one.task.id)));
    assert.ok(!existsSync(join(folder, "aside")));
  });

  test("a task is locked by one process's store at a time; a dead one's lock is taken over", (context) => {
    const folder = emptyFolder(context);
    const [a, b] = [new RunStore(folder), new RunStore(folder)];
    const [{ id }] = walks(1);
    assert.ok(a.lock(id));
    assert.ok(!b.lock(id));
    a.unlock(id);
    assert.ok(b.lock(id));
    b.close();
    // A process that was killed leaves its lock and its owner file; no process has this id.
    const owners = join(folder, "locks", "owners");
    mkdirSync(owners, { recursive: true });
    writeFileSync(join(owners, "ghost"), JSON.stringify({ host: hostname(), pid: 2 ** 22 + 1 }));
    writeFileSync(join(folder, "locks", id), "ghost");
    assert.ok(a.lock(id));
    // The owner lives on another machine, and may well be alive.
    const [, other] = walks(2);
    writeFileSync(join(owners, "elsewhere"), JSON.stringify({ host: "another machine", pid: 1 }));
    writeFileSync(join(folder, "locks", other.id), "elsewhere");
    assert.ok(!a.lock(other.id));
    // It died after it had recorded its task: nobody would ask for this lock again.
    writeFileSync(join(folder, "locks", "recorded"), "ghost");
    a.close();
    assert.deepEqual(readdirSync(join(folder, "locks")).sort(), [other.id, "owners"].sort());
  });

  test("failures are kept and read; spoilt ones are ignored", (context) => {
    const folder = emptyFolder(context);
    const store = new RunStore(folder);
    const [one, two] = walks(2);
    store.putFailure({ task: one, errors: ["a", "b", "c"] });
    writeFileSync(join(folder, "failed", `${two.id}.json`), "{");
    assert.deepEqual([...store.failures().values()], [{ task: one, errors: ["a", "b", "c"] }]);
    store.removeFailure(one.id);
    assert.equal(store.failures().size, 0);
    store.close();
  });

  test("a path where a file is in the way gives a typed error", (context) => {
    const file = join(emptyFolder(context), "file");
    writeFileSync(file, "");
    assert.throws(
      () => new RunStore(file),
      (error) => error instanceof TwotempError && error.code === "experiments/path",
    );
  });

  test("equal runs give equal bytes", async (context) => {
    const folders = [emptyFolder(context), emptyFolder(context)];
    for (const folder of folders) {
      const store = new RunStore(folder);
      store.put(await record(3));
      store.close();
    }
    assert.deepEqual(recordBytes(folders[0]), recordBytes(folders[1]));
  });
});
