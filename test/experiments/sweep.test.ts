import assert from "node:assert/strict";
import { readFileSync, statSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { TwotempError } from "../../lib/errors.js";
import { inlineRunner } from "../../lib/experiments/inline.js";
import { poolRunner } from "../../lib/experiments/pool.js";
import { makeRecord } from "../../lib/experiments/record.js";
import type { Runner } from "../../lib/experiments/runner.js";
import { RunStore } from "../../lib/experiments/store.js";
import { sweep, type SweepProgress } from "../../lib/experiments/sweep.js";
import { executeTask, makeTask } from "../../lib/experiments/task.js";
import { until } from "../support.js";
import { emptyFolder, kindsModule, recordBytes, stamp, walks } from "./support.js";

describe("sweep in this process", () => {
  test("does every task once, skips what is recorded, and reports", async (context) => {
    const folder = emptyFolder(context);
    const log = join(folder, "log");
    const tasks = walks(20, { log });
    const store = new RunStore(folder);
    const half = await sweep(tasks.slice(0, 10), stamp, store, { runner: inlineRunner() });
    assert.deepEqual([half.total, half.done, half.added], [10, 10, 10]);
    const seen: SweepProgress[] = [];
    const whole = await sweep(tasks, stamp, store, { runner: inlineRunner(), onProgress: (p) => seen.push(p) });
    assert.deepEqual([whole.total, whole.done, whole.added, whole.failed, whole.stopped], [20, 20, 10, 0, false]);
    assert.equal(readFileSync(log, "utf8").trim().split("\n").length, 20);
    assert.equal(seen[0].done, 10);
    assert.equal(seen.at(-1)?.done, 20);
    assert.match(seen.at(-1)?.label ?? "", /^walks \(0 running, .* a minute\)$/);
    assert.equal(store.journal().filter(({ outcome }) => outcome === "done").length, 20);
    store.close();
  });

  test("gives tasks the results that they need, whatever the order of the plan", async (context) => {
    const store = new RunStore(emptyFolder(context));
    const [a, b] = walks(2);
    const sum = makeTask("walk", { seed: 9, size: 1 }, [a.id, b.id]);
    await sweep([sum, b, a], stamp, store, { runner: inlineRunner() });
    const end = (id: string) => (store.get(id)?.result as { end: number }).end;
    const alone = makeTask("walk", { seed: 9, size: 1 });
    await sweep([alone], stamp, store, { runner: inlineRunner() });
    assert.ok(Math.abs(end(sum.id) - (end(a.id) + end(b.id) + end(alone.id))) < 1e-9);
    store.close();
  });

  test("sets a poison task aside after three tries with its errors, blocks what needs it, and goes on", async (context) => {
    const folder = emptyFolder(context);
    const store = new RunStore(folder);
    const log = join(folder, "log");
    const [poison] = walks(1, { fault: "always-throw", log });
    const needs = makeTask("walk", { seed: 5 }, [poison.id]);
    const [, good] = walks(2);
    const summary = await sweep([poison, needs, good], stamp, store, { runner: inlineRunner() });
    assert.deepEqual([summary.done, summary.failed, summary.blocked], [1, 1, 1]);
    assert.deepEqual(store.failures().get(poison.id)?.errors, Array(3).fill("walk 0 stumbled"));
    assert.equal(readFileSync(log, "utf8").trim().split("\n").length, 3);
    await sweep([poison, needs, good], stamp, store, { runner: inlineRunner() });
    assert.equal(readFileSync(log, "utf8").trim().split("\n").length, 3, "set aside is set aside");
    await sweep([poison, needs, good], stamp, store, { runner: inlineRunner(), retry: true });
    assert.equal(readFileSync(log, "utf8").trim().split("\n").length, 6);
    store.close();
  });

  test("a result with NaN is an error that says where", async (context) => {
    const store = new RunStore(emptyFolder(context));
    const [task] = walks(1, { fault: "nan" });
    await sweep([task], stamp, store, { runner: inlineRunner() });
    assert.match(store.failures().get(task.id)?.errors[0] ?? "", /result\.value is NaN/);
    store.close();
  });

  test("does a record again that was edited, and whose time and size are as they were", async (context) => {
    const folder = emptyFolder(context);
    const store = new RunStore(folder);
    const [task] = walks(1);
    await sweep([task], stamp, store, { runner: inlineRunner() });
    const bytes = recordBytes(folder);
    store.close();
    const path = store.path(task.id);
    const { atime, mtime } = statSync(path);
    writeFileSync(path, readFileSync(path, "utf8").replace('"size":10', '"size":11'));
    utimesSync(path, atime, mtime);
    const again = new RunStore(folder);
    const { done, added } = await sweep([task], stamp, again, { runner: inlineRunner() });
    assert.deepEqual([done, added], [1, 1]);
    assert.deepEqual(recordBytes(folder), bytes);
    again.close();
  });

  test("does a torn record again, and the one that needs it with it", async (context) => {
    const folder = emptyFolder(context);
    const store = new RunStore(folder);
    const [a] = walks(1);
    const b = makeTask("walk", { seed: 9 }, [a.id]);
    await sweep([a, b], stamp, store, { runner: inlineRunner() });
    const before = recordBytes(folder);
    truncateSync(store.path(a.id), 10);
    truncateSync(store.path(b.id), 10);
    store.close();
    const again = new RunStore(folder);
    const summary = await sweep([a, b], stamp, again, { runner: inlineRunner() });
    assert.equal(summary.added, 2);
    again.close();
    assert.deepEqual(recordBytes(folder), before);
  });

  test("stops when it is told to, keeps what is done, and goes on", async (context) => {
    const store = new RunStore(emptyFolder(context));
    const tasks = walks(10);
    const controller = new AbortController();
    const onProgress = ({ done }: SweepProgress): void => {
      if (done === 4) controller.abort();
    };
    const first = await sweep(tasks, stamp, store, { runner: inlineRunner(), signal: controller.signal, onProgress });
    assert.ok(first.stopped && first.done >= 4 && first.done < 10, JSON.stringify(first));
    const second = await sweep(tasks, stamp, store, { runner: inlineRunner() });
    assert.deepEqual([second.done, second.added], [10, 10 - first.done]);
    store.close();
  });

  test("two sweeps of one store share the tasks: nothing is done twice", async (context) => {
    const folder = emptyFolder(context);
    const log = join(folder, "log");
    const tasks = walks(40, { log, milliseconds: 2 });
    const stores = [new RunStore(folder), new RunStore(folder)];
    const summaries = await Promise.all(stores.map((store) => sweep(tasks, stamp, store, { runner: inlineRunner() })));
    assert.equal(summaries[0].added + summaries[1].added, 40);
    assert.ok(summaries.every(({ done, added }) => done === 40 && added > 0));
    assert.equal(readFileSync(log, "utf8").trim().split("\n").length, 40);
    for (const store of stores) store.close();
  });

  test("tasks done elsewhere are noticed while own ones run, and count for the rate; tasks left undone are done here", async (context) => {
    const folder = emptyFolder(context);
    const [store, other] = [new RunStore(folder), new RunStore(folder)];
    const [theirs, left, first, second] = walks(4);
    const needing = makeTask("walk", { seed: 9 }, [theirs.id]);
    for (const { id } of [theirs, left]) other.lock(id);
    const inline = inlineRunner();
    const order: string[] = [];
    let seen: SweepProgress | undefined;
    const run: Runner["run"] = async (given, signal) => {
      order.push(given.task.id);
      if (given.task === first) {
        other.put(makeRecord(stamp, theirs, await executeTask(theirs, { inputs: [] })));
        for (const { id } of [theirs, left]) other.unlock(id);
      }
      if (given.task === second) await until("what is done elsewhere to be noticed", () => seen?.done === 2);
      return inline.run(given, signal);
    };
    const { done, added } = await sweep([theirs, left, needing, first, second], stamp, store, {
      runner: { ...inline, run },
      onProgress: (progress) => (seen = progress),
    });
    assert.deepEqual([done, added], [5, 4]);
    assert.deepEqual(
      order,
      [first, second, needing, left].map(({ id }) => id),
    );
    assert.ok(Math.abs(((seen?.rate as number) * (seen?.elapsedSeconds as number)) / 60 - 5) < 1e-9);
    for (const each of [store, other]) each.close();
  });

  test("doesn't wait for a queue to forget a result that is recorded", async (context) => {
    const store = new RunStore(emptyFolder(context));
    const inline = inlineRunner();
    const endings = [() => new Promise<void>(() => {}), () => Promise.reject(new Error("the queue is away"))];
    const run: Runner["run"] = async (order, signal) => ({
      ...(await inline.run(order, signal)),
      discard: endings.pop(),
    });
    const { done } = await sweep(walks(2), stamp, store, { runner: { ...inline, run } });
    assert.deepEqual([done, endings.length], [2, 0]);
    store.close();
  });

  test("a task that is given twice counts once", async (context) => {
    const store = new RunStore(emptyFolder(context));
    const [task] = walks(1);
    for (const added of [1, 0]) {
      const summary = await sweep([task, task], stamp, store, { runner: inlineRunner() });
      assert.deepEqual([summary.total, summary.done, summary.added], [1, 1, added]);
    }
    store.close();
  });

  test("refuses a plan that needs what isn't planned", async (context) => {
    const store = new RunStore(emptyFolder(context));
    const lonely = makeTask("walk", { seed: 1 }, ["0".repeat(64)]);
    await assert.rejects(sweep([lonely], stamp, store, { runner: inlineRunner() }), TwotempError);
    store.close();
  });
});

describe("sweep in a pool of processes", () => {
  test("gives the records of a sweep in this process, byte for byte", async (context) => {
    const folders = [emptyFolder(context), emptyFolder(context)];
    const tasks = walks(12);
    for (const [i, folder] of folders.entries()) {
      const store = new RunStore(folder);
      const runner = i === 0 ? inlineRunner() : poolRunner({ workers: 2, modules: [kindsModule] });
      await sweep(tasks, stamp, store, { runner });
      await runner.close();
      store.close();
    }
    assert.deepEqual(recordBytes(folders[1]), recordBytes(folders[0]));
  });

  test("refuses numbers that can't be", () => {
    for (const options of [{ workers: 0 }, { threads: 1.5 }, { memory: NaN }, { taskSeconds: -1 }]) {
      assert.throws(() => poolRunner(options), TwotempError);
    }
  });
});
