import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { encodeRecord, makeRecord } from "../../lib/experiments/record.js";
import { poolRunner } from "../../lib/experiments/pool.js";
import { RunStore } from "../../lib/experiments/store.js";
import { sweep } from "../../lib/experiments/sweep.js";
import { executeTask, makeTask } from "../../lib/experiments/task.js";
import { emptyFolder, kindsModule, stamp, walks } from "./support.js";

describe("scale", { timeout: 600_000 }, () => {
  test("100,000 records open in under 5 s and 1 GB, and are read as a table", async (context) => {
    const folder = emptyFolder(context);
    const shards = new Set<string>();
    for (let seed = 0; seed < 100_000; seed++) {
      const task = makeTask("walk", { seed, size: 1 });
      const shard = join(folder, "records", task.id.slice(0, 2));
      if (!shards.has(shard)) mkdirSync(shard, { recursive: true });
      shards.add(shard);
      const record = makeRecord(stamp, task, { end: seed, rows: [{ step: 1, position: seed }] });
      writeFileSync(join(shard, `${task.id}.json`), encodeRecord(record));
    }
    const store = new RunStore(folder);
    assert.equal(store.size, 100_000);
    store.close();
    const script = `
      const { RunStore } = require(${JSON.stringify(join(__dirname, "../../lib/experiments/store.js"))});
      const started = performance.now();
      const before = process.cpuUsage();
      const store = new RunStore(${JSON.stringify(folder)}, { readOnly: true });
      const { user, system } = process.cpuUsage(before);
      const wallSeconds = (performance.now() - started) / 1000;
      console.log(JSON.stringify({ size: store.size, seconds: (user + system) / 1e6, wallSeconds, memory: process.memoryUsage.rss() }));`;
    // Seconds of CPU are judged: what other programs take of the machine is not the store's.
    const open = (): { size: number; seconds: number; memory: number } =>
      JSON.parse(spawnSync(process.execPath, ["-e", script]).stdout.toString()) as ReturnType<typeof open>;
    const withIndex = open();
    rmSync(join(folder, "index"));
    const withoutIndex = open();
    context.diagnostic(JSON.stringify({ withIndex, withoutIndex }));
    assert.equal(withIndex.size, 100_000);
    assert.ok(withIndex.seconds < 5 && withIndex.memory < 2 ** 30, JSON.stringify(withIndex));
    assert.equal(withoutIndex.size, 100_000);
    assert.ok(withoutIndex.memory < 2 ** 30);
    assert.ok(readdirSync(join(folder, "records")).length === 256);
  });

  test("two workers do two tasks at once", async (context) => {
    const store = new RunStore(emptyFolder(context));
    const runner = poolRunner({ workers: 2, modules: [kindsModule] });
    // Each waits for the other: one after the other both would fail. What the second worker gains is bench/overhead.ts's.
    const { done } = await sweep(walks(2, { meeting: emptyFolder(context) }), stamp, store, { runner });
    await runner.close();
    store.close();
    assert.equal(done, 2);
  });

  test("store and pool take at most 5 % of a task of 10 s", async (context) => {
    const count = 200;
    const store = new RunStore(emptyFolder(context));
    const runner = poolRunner({ workers: 1, modules: [kindsModule] });
    await sweep(walks(1), stamp, store, { runner });
    const { seconds } = await sweep(walks(count, { size: 2 }), stamp, store, { runner });
    await runner.close();
    store.close();
    const [task] = walks(1, { size: 2 });
    const started = performance.now();
    for (let i = 0; i < count; i++) await executeTask(task, { inputs: [] });
    const own = (performance.now() - started) / 1000;
    const overhead = (seconds - own) / count;
    context.diagnostic(`${(1000 * overhead).toFixed(2)} ms a task`);
    assert.ok(overhead < 0.05 * 10, `${overhead} s`);
  });
});
