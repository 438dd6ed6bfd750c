import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { TwotempError } from "../../lib/errors.js";
import { loadCheckpoint, saveCheckpoint } from "../../lib/experiments/checkpoint.js";
import { inlineRunner } from "../../lib/experiments/inline.js";
import { poolRunner } from "../../lib/experiments/pool.js";
import { RunStore } from "../../lib/experiments/store.js";
import { sweep } from "../../lib/experiments/sweep.js";
import { makeTask, type Task } from "../../lib/experiments/task.js";
import { busy, needs, until } from "../support.js";
import { fill, mayMount, smallDisk } from "./disks.js";
import { emptyFolder, kindsModule, recordBytes, stamp, walks } from "./support.js";

async function cleanRun(context: Parameters<typeof emptyFolder>[0], tasks: Task[]): Promise<Map<string, string>> {
  const folder = emptyFolder(context);
  const store = new RunStore(folder);
  await sweep(tasks, stamp, store, { runner: inlineRunner() });
  store.close();
  return recordBytes(folder);
}

const code = (expected: string) => (error: unknown) => {
  assert.ok(error instanceof TwotempError, String(error));
  assert.equal(error.code, expected);
  assert.doesNotMatch(error.message, /\n/);
  return true;
};

/** A process that sweeps walks in a store: `sweepProcess.js FOLDER COUNT SETTINGS WORKERS`. */
function sweepProcess(folder: string, count: number, settings: object, workers: number) {
  const args = [join(__dirname, "sweepProcess.js"), folder, count, JSON.stringify(settings), workers].map(String);
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (data: Buffer) => (output += data.toString()));
  // Listened to from the start: on a quiet machine a sweep may end before anybody waits for it.
  const exited = once(child, "exit").then(([status]) => status as number | null);
  return { child, exited, output: () => output };
}

describe("a pool under faults", { timeout: 600_000 }, () => {
  test("a process that dies, hangs, leaks or throws is replaced and its task done again", async (context) => {
    const markers = emptyFolder(context);
    const folder = emptyFolder(context);
    const faulty = (["exit", "hang", "leak", "throw"] as const).map((fault, seed) =>
      makeTask("walk", { seed, fault, marker: join(markers, fault) }),
    );
    const tasks = [...faulty, ...walks(8, { size: 500 })];
    const store = new RunStore(folder);
    const runner = poolRunner({ workers: 2, modules: [kindsModule], taskSeconds: 5, memory: 400 * 2 ** 20 });
    const summary = await sweep(tasks, stamp, store, { runner });
    await runner.close();
    store.close();
    assert.deepEqual([summary.done, summary.failed], [12, 0]);
    assert.deepEqual(readdirSync(markers).sort(), ["exit", "hang", "leak", "throw"]);
    // The markers are there now, so that the clean run has no faults.
    assert.deepEqual(recordBytes(folder), await cleanRun(context, tasks));
  });

  test("a task that kills its process every time is set aside and says how it died", async (context) => {
    const store = new RunStore(emptyFolder(context));
    // A marker that can't be written makes the fault permanent.
    const deadly = makeTask("walk", { seed: 0, fault: "exit", marker: "" });
    const hangs = makeTask("walk", { seed: 0, fault: "hang", marker: "" });
    const killed = makeTask("walk", { seed: 0, fault: "kill", marker: "" });
    const runner = poolRunner({ workers: 2, modules: [kindsModule], taskSeconds: 5 });
    const summary = await sweep([deadly, hangs, killed, ...walks(3)], stamp, store, { runner });
    await runner.close();
    assert.deepEqual([summary.done, summary.failed], [3, 3]);
    assert.ok(walks(3).every(({ id }) => store.get(id)));
    assert.deepEqual(
      store.failures().get(killed.id)?.errors,
      Array(3).fill("the process was ended: it died of SIGKILL"),
    );
    assert.deepEqual(store.failures().get(deadly.id)?.errors, Array(3).fill("the process was ended: it died"));
    assert.deepEqual(
      store.failures().get(hangs.id)?.errors,
      Array(3).fill("the process was ended: no result after 5 s"),
    );
    store.close();
  });

  test("a process that dies with nothing to do is replaced, and a pool of dead processes ends in time", async (context) => {
    const store = new RunStore(emptyFolder(context));
    const runner = poolRunner({ workers: 1, modules: [kindsModule] });
    const dies = (seed: number): Task => makeTask("walk", { seed, fault: "die-idle" });
    for (const seed of [0, 1]) {
      const { done } = await sweep([dies(seed)], stamp, store, { runner });
      assert.equal(done, 1);
      await delay(1000);
    }
    const started = performance.now();
    await runner.close();
    assert.ok(performance.now() - started < 2000 * busy());
    store.close();
  });

  test("kill -9 at random moments, two processes on one store: at the end every record is there once", async (context) => {
    const folder = emptyFolder(context);
    for (let round = 0; round < 6; round++) {
      const sweeps = [0, 1].map(() => sweepProcess(folder, 40, { milliseconds: 60 }, 1));
      // Both are at work, and then somewhere in it.
      for (const { output } of sweeps) await until("a sweep", () => /done/.test(output()));
      await delay(37 * round);
      for (const { child, exited } of sweeps) {
        child.kill("SIGKILL");
        await exited;
      }
    }
    const last = [0, 1].map(() => sweepProcess(folder, 40, { milliseconds: 60 }, 1));
    const codes = await Promise.all(last.map(({ exited }) => exited));
    assert.deepEqual(codes, [0, 0]);
    assert.deepEqual(recordBytes(folder), await cleanRun(context, walks(40, { milliseconds: 60 })));
    assert.deepEqual(readdirSync(join(folder, "locks")), ["owners"]);
  });

  test("a sweep killed after each number of records and started again does every task once", async (context) => {
    const folder = emptyFolder(context);
    const settings = { milliseconds: 30 };
    for (let recorded = 1; recorded <= 9; recorded += 4) {
      const { child, exited, output } = sweepProcess(folder, 12, settings, 2);
      // As many or more: the one before may have recorded some between the look and its end.
      const most = (): number => Math.max(0, ...[...output().matchAll(/done (\d+)/g)].map(([, done]) => Number(done)));
      await until(`${recorded} records`, () => most() >= recorded);
      child.kill("SIGKILL");
      await exited;
    }
    const { exited, output } = sweepProcess(folder, 12, settings, 2);
    assert.equal(await exited, 0);
    assert.deepEqual(recordBytes(folder), await cleanRun(context, walks(12, settings)));
    // Nine were recorded before the last sweep began, and weren't done again.
    assert.match(output(), /"added":[0-3],/);
  });

  test("Ctrl-C ends a sweep within 2 s, whatever its workers do, and the next call goes on", async (context) => {
    const folder = emptyFolder(context);
    const { child, exited, output } = sweepProcess(folder, 12, { milliseconds: 700 }, 2);
    await until("two tasks", () => /done [2-9]/.test(output()));
    const started = performance.now();
    child.kill("SIGINT");
    const exitCode = await exited;
    assert.ok(performance.now() - started < 2000 * busy(), `${performance.now() - started} ms`);
    assert.equal(exitCode, 0);
    assert.match(output(), /"stopped":true/);
    const after = recordBytes(folder).size;
    assert.ok(after >= 2 && after < 12);
    const again = sweepProcess(folder, 12, { milliseconds: 700 }, 2);
    assert.equal(await again.exited, 0);
    assert.match(again.output(), new RegExp(`"added":${12 - after}`));
    assert.deepEqual(recordBytes(folder), await cleanRun(context, walks(12, { milliseconds: 700 })));
  });
});

describe("disks", () => {
  test(
    "a full disk ends the sweep with a clear error, keeps what was there, and can be gone on with",
    needs("mount", mayMount, "run as root"),
    async (context) => {
      const folder = smallDisk(context);
      const tasks = walks(20);
      const store = new RunStore(join(folder, "store"));
      await sweep(tasks.slice(0, 10), stamp, store, { runner: inlineRunner() });
      fill(join(folder, "ballast"));
      await assert.rejects(sweep(tasks, stamp, store, { runner: inlineRunner() }), code("experiments/disk-full"));
      rmSync(join(folder, "ballast"));
      const summary = await sweep(tasks, stamp, store, { runner: inlineRunner() });
      assert.deepEqual([summary.done, summary.failed], [20, 0]);
      store.close();
      assert.deepEqual(recordBytes(join(folder, "store")), await cleanRun(context, tasks));
    },
  );

  test("a full disk leaves the last checkpoint as it was", needs("mount", mayMount, "run as root"), (context) => {
    const folder = smallDisk(context);
    const path = join(folder, "search.checkpoint");
    saveCheckpoint(path, { step: 1 });
    assert.throws(() => saveCheckpoint(path, { big: new Float64Array(1e6) }), code("experiments/disk-full"));
    assert.deepEqual(loadCheckpoint(path), { step: 1 });
    assert.deepEqual(readdirSync(folder), ["search.checkpoint"]);
  });

  test("a limit on the size of files, as ulimit -f sets it, is a full disk", (context) => {
    const folder = emptyFolder(context);
    const script = `
      process.on("SIGXFSZ", () => {});
      const { saveCheckpoint, loadCheckpoint } = require(${JSON.stringify(join(__dirname, "../../lib/experiments/checkpoint.js"))});
      const path = ${JSON.stringify(join(folder, "search.checkpoint"))};
      saveCheckpoint(path, { step: 1 });
      try { saveCheckpoint(path, { big: new Float64Array(1e6) }); } catch (error) { console.log(error.code); }
      console.log(JSON.stringify(loadCheckpoint(path)));`;
    const { stdout } = spawnSync("bash", [
      "-c",
      `ulimit -f 100; exec "${process.execPath}" -e '${script.replaceAll("'", "'\\''")}'`,
    ]);
    assert.equal(stdout.toString(), 'experiments/disk-full\n{"step":1}\n');
  });

  test("a read-only folder gives a clear error and can still be read", (context) => {
    const folder = emptyFolder(context);
    chmodSync(folder, 0o755);
    const path = join(folder, "store");
    const store = new RunStore(path);
    store.close();
    for (const each of [path, ...readdirSync(path, { recursive: true }).map((name) => join(path, String(name)))])
      chmodSync(each, 0o555);
    const script = `
      const { RunStore } = require(${JSON.stringify(join(__dirname, "../../lib/experiments/store.js"))});
      const folder = ${JSON.stringify(path)};
      console.log(new RunStore(folder, { readOnly: true }).size);
      try { new RunStore(folder); } catch (error) { console.log(error.code); }`;
    // Root may write anywhere: be nobody.
    const nobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
    const { stdout, stderr } = spawnSync(process.execPath, ["-e", script], { ...nobody, cwd: "/" });
    assert.equal(stdout.toString(), "0\nexperiments/read-only\n", stderr.toString());
  });
});
