import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Queue } from "bullmq";
import { TwotempError } from "../../lib/errors.js";
import { inlineRunner } from "../../lib/experiments/inline.js";
import { connection, hidePassword, queueName, queueRunner, versionsKey } from "../../lib/experiments/queue.js";
import { RunStore } from "../../lib/experiments/store.js";
import { sweep, type SweepProgress, type SweepSummary } from "../../lib/experiments/sweep.js";
import { makeTask, type Task } from "../../lib/experiments/task.js";
import { busy, needs, until } from "../support.js";
import { fill, mayMount, smallDisk } from "./disks.js";
import { withRedis, TestRedis } from "./redis.js";
import { emptyFolder, kindsModule, recordBytes, stamp, walks } from "./support.js";
import { TestWorker } from "./workers.js";

interface Bench {
  readonly redis: TestRedis;
  readonly folder: string;
  readonly clean: Map<string, string>;
  readonly tasks: Task[];
}

/** A Redis, an empty store, and the records of a clean run. */
async function bench(context: TestContext, tasks: Task[]): Promise<Bench> {
  const clean = emptyFolder(context);
  const store = new RunStore(clean);
  await sweep(tasks, stamp, store, { runner: inlineRunner() });
  store.close();
  return {
    redis: await TestRedis.start(context, emptyFolder(context)),
    folder: emptyFolder(context),
    clean: recordBytes(clean),
    tasks,
  };
}

async function sweepQueue(
  { redis, folder, tasks }: Bench,
  onProgress?: (progress: SweepProgress) => void,
  signal?: AbortSignal,
): Promise<SweepSummary> {
  const store = new RunStore(folder);
  const runner = await queueRunner({ url: redis.url, checkSeconds: 1 });
  try {
    return await sweep(tasks, stamp, store, { runner, onProgress, signal });
  } finally {
    await runner.close();
    store.close();
  }
}

const onSmallDisk = withRedis.skip ? withRedis : needs("mount", mayMount, "run as root");

/** The queue as a test looks into it. */
function openQueue({ url }: TestRedis): Queue {
  return new Queue(queueName({ url }), { connection: connection(url), prefix: "twotemp" });
}

/** How many tries have begun, each of which writes a line. */
function begun(log: string): number {
  return readFileSync(log, "utf8").split("\n").length - 1;
}

describe("queue", { timeout: 900_000 }, () => {
  test("two workers give the records of a clean run, byte for byte", withRedis, async (context) => {
    const [a, b] = walks(2);
    const set = await bench(context, [...walks(30), makeTask("walk", { seed: 99 }, [a.id, b.id])]);
    for (let i = 0; i < 2; i++) new TestWorker(context, { url: set.redis.url });
    const summary = await sweepQueue(set);
    assert.deepEqual([summary.done, summary.failed], [31, 0]);
    assert.deepEqual(recordBytes(set.folder), set.clean);
    const queue = openQueue(set.redis);
    assert.equal(await queue.count(), 0);
    assert.equal(await queue.getCompletedCount(), 0, "results are gone from Redis when their records are safe");
    await queue.close();
  });

  test("results go through a shared store where the worker has it", withRedis, async (context) => {
    const set = await bench(context, walks(10));
    new TestWorker(context, { url: set.redis.url, store: set.folder });
    const summary = await sweepQueue(set);
    assert.equal(summary.done, 10);
    assert.deepEqual(recordBytes(set.folder), set.clean);
  });

  test("a worker that is killed in the middle of a task: another takes it over", withRedis, async (context) => {
    const log = join(emptyFolder(context), "log");
    const set = await bench(context, walks(6, { milliseconds: 1500, log }));
    writeFileSync(log, "");
    const victim = new TestWorker(context, { url: set.redis.url });
    const sweeping = sweepQueue(set);
    await until("a second task", () => begun(log) === 2);
    await victim.kill();
    const heir = new TestWorker(context, { url: set.redis.url });
    const summary = await sweeping;
    assert.deepEqual([summary.done, summary.failed], [6, 0]);
    assert.match(heir.output, /taken over/);
    assert.deepEqual(recordBytes(set.folder), set.clean);
  });

  test("Redis is killed and started again, with and without what it held", withRedis, async (context) => {
    for (const forgets of [false, true]) {
      const set = await bench(context, walks(12, { milliseconds: 400, size: forgets ? 50 : 51 }));
      if (forgets) Object.assign(set.redis, { folder: emptyFolder(context) });
      const workers = [0, 1].map(() => new TestWorker(context, { url: set.redis.url }));
      let killed = false;
      const summary = await sweepQueue(set, ({ done }) => {
        if (done < 3 || killed) return;
        killed = true;
        void set.redis.kill().then(async () => {
          if (forgets) Object.assign(set.redis, { folder: emptyFolder(context) });
          await delay(1000);
          await set.redis.start();
        });
      });
      assert.ok(killed);
      assert.deepEqual([summary.done, summary.failed], [12, 0]);
      assert.deepEqual(recordBytes(set.folder), set.clean);
      for (const worker of workers) await worker.kill();
    }
  });

  test("everything is killed and started again", withRedis, async (context) => {
    const set = await bench(context, walks(12, { milliseconds: 300 }));
    const first = new TestWorker(context, { url: set.redis.url });
    const controller = new AbortController();
    const stopped = await sweepQueue(set, ({ done }) => done >= 4 && controller.abort(), controller.signal);
    assert.ok(stopped.stopped && stopped.done >= 4 && stopped.done < 12);
    await Promise.all([first.kill(), set.redis.kill()]);
    await set.redis.start();
    new TestWorker(context, { url: set.redis.url });
    const summary = await sweepQueue(set);
    assert.deepEqual([summary.done, summary.failed, summary.stopped], [12, 0, false]);
    assert.deepEqual(recordBytes(set.folder), set.clean);
  });

  test(
    "a slow worker keeps its task; a task that holds its process busy isn't taken for dead",
    withRedis,
    async (context) => {
      const log = join(emptyFolder(context), "log");
      const set = await bench(context, walks(2, { spin: 8000, log }));
      writeFileSync(log, "");
      for (let i = 0; i < 2; i++) new TestWorker(context, { url: set.redis.url, stallSeconds: 4 });
      const summary = await sweepQueue(set);
      assert.equal(summary.done, 2);
      assert.equal(begun(log), 2, "nothing was delivered twice");
      assert.deepEqual(recordBytes(set.folder), set.clean);
    },
  );

  test("a task that is delivered twice is recorded once", withRedis, async (context) => {
    const log = join(emptyFolder(context), "log");
    const set = await bench(context, walks(3, { milliseconds: 6000, log }));
    writeFileSync(log, "");
    for (let i = 0; i < 2; i++) new TestWorker(context, { url: set.redis.url, store: set.folder });
    const queue = openQueue(set.redis);
    const sweeping = sweepQueue(set);
    // Take the locks away from the workers that hold them, as a long outage would.
    const client = await queue.client;
    await until("a second delivery", async () => {
      for (const { id } of await queue.getActive()) await client.del(`twotemp:${queue.name}:${id}:lock`);
      return begun(log) > 3;
    });
    const summary = await sweeping;
    await queue.close();
    assert.deepEqual([summary.done, summary.failed], [3, 0]);
    assert.deepEqual(recordBytes(set.folder), set.clean);
  });

  test(
    "a full disk ends the sweep in one line; with room again it goes on to the end",
    onSmallDisk,
    async (context) => {
      const disk = smallDisk(context);
      const set = { ...(await bench(context, walks(30, { milliseconds: 50 }))), folder: join(disk, "store") };
      const workers = [{}, { store: set.folder }].map(
        (more) => new TestWorker(context, { url: set.redis.url, ...more }),
      );
      const full = sweepQueue(
        set,
        ({ done }) => void (done >= 5 && !existsSync(join(disk, "ballast")) && fill(join(disk, "ballast"))),
      );
      await assert.rejects(full, {
        code: "experiments/disk-full",
        message: /^no room to write [^\n]*; what was there is unchanged$/,
      });
      for (const worker of workers) await worker.kill();
      rmSync(join(disk, "ballast"));
      const before = recordBytes(set.folder);
      assert.ok(before.size >= 5 && before.size < 30);
      for (const [id, bytes] of before) assert.equal(bytes, set.clean.get(id));
      for (let i = 0; i < 2; i++) new TestWorker(context, { url: set.redis.url });
      const summary = await sweepQueue(set);
      assert.deepEqual([summary.done, summary.failed], [30, 0]);
      assert.deepEqual(recordBytes(set.folder), set.clean);
    },
  );

  test("a worker of another version of the code is refused and says so", withRedis, async (context) => {
    const set = await bench(context, walks(4, { milliseconds: 200 }));
    // The same kinds with another line of code in them, beside the library that they import.
    const other = join(__dirname, "otherVersion");
    mkdirSync(other, { recursive: true });
    const module = join(other, basename(kindsModule));
    copyFileSync(kindsModule, module);
    writeFileSync(module, `${readFileSync(module, "utf8").replaceAll('"../../lib/', '"../../../lib/')}\nvoid 0;\n`);
    const sweeping = sweepQueue(set);
    const queue = openQueue(set.redis);
    await until("tasks in the queue", async () => (await queue.getWaitingCount()) === 4);
    await queue.close();
    const stranger = new TestWorker(context, { url: set.redis.url, modules: [module] });
    await stranger.says(/refused: \d+ tasks wait for another version/);
    assert.doesNotMatch(stranger.output, /done in/);
    new TestWorker(context, { url: set.redis.url });
    assert.equal((await sweeping).done, 4);
    assert.deepEqual(recordBytes(set.folder), set.clean);
    assert.doesNotMatch(stranger.output, /done in/);
  });

  test("poison tasks are set aside after three tries with their errors", withRedis, async (context) => {
    const folder = emptyFolder(context);
    const log = join(folder, "log");
    const markers = emptyFolder(context);
    const poison = makeTask("walk", { seed: 1, fault: "always-throw", log });
    const dies = makeTask("walk", { seed: 2, fault: "exit", marker: join(markers, "a") });
    const redis = await TestRedis.start(context, emptyFolder(context));
    const set = { redis, folder: join(folder, "store"), clean: new Map(), tasks: [poison, dies, ...walks(2)] };
    new TestWorker(context, { url: redis.url });
    const summary = await sweepQueue(set);
    assert.deepEqual([summary.done, summary.failed], [3, 1]);
    assert.equal(begun(log), 3);
    const store = new RunStore(set.folder, { readOnly: true });
    assert.deepEqual(store.failures().get(poison.id)?.errors, Array(3).fill("walk 1 stumbled"));
    store.close();
  });

  test("failed tasks are gone from the queue, however often they are looked at", withRedis, async (context) => {
    const redis = await TestRedis.start(context, emptyFolder(context));
    new TestWorker(context, { url: redis.url });
    const store = new RunStore(emptyFolder(context));
    const runner = await queueRunner({ url: redis.url, checkSeconds: 0.005 });
    const summary = await sweep(walks(60, { fault: "always-throw" }), stamp, store, { runner });
    await runner.close();
    store.close();
    assert.equal(summary.failed, 60);
    const queue = openQueue(redis);
    const left = Object.values(await queue.getJobCounts());
    await queue.close();
    assert.ok(
      left.every((count) => count === 0),
      left.join(),
    );
  });

  test(
    "a worker does nothing but valid tasks: no other kind, no edited settings, no rubbish",
    withRedis,
    async (context) => {
      const redis = await TestRedis.start(context, emptyFolder(context));
      const worker = new TestWorker(context, { url: redis.url });
      const queue = openQueue(redis);
      const [good] = walks(1);
      const edited = { ...good, settings: { ...(good.settings as object), seed: 5 } };
      const orders: [string, unknown][] = [
        ["rubbish", { code: "process.exit(1)" }],
        ["kind", { task: { ...good, kind: "eval" }, inputs: [], experiment: stamp }],
        ["settings", { task: { ...good, settings: { seed: "1; drop" } }, inputs: [], experiment: stamp }],
        ["edited", { task: edited, inputs: [], experiment: stamp }],
        ["path", { task: { ...good, id: "../../etc/passwd" }, inputs: [], experiment: stamp }],
        ["version", { task: { ...good, version: "0" }, inputs: [], experiment: stamp }],
      ];
      const jobs = await Promise.all(orders.map(([jobId, data]) => queue.add("task", data, { jobId, attempts: 3 })));
      for (const job of jobs) {
        await until(`${job.id} to be refused`, () => job.isFailed());
        const failed = await queue.getJob(job.id as string);
        assert.match(failed?.failedReason ?? "", /^refused: /, job.id);
        assert.equal(failed?.attemptsMade, 1, job.id);
      }
      assert.ok(worker.running);
      await queue.close();
    },
  );

  test("a worker that is told to stop gives its task back at once", withRedis, async (context) => {
    const log = join(emptyFolder(context), "log");
    const set = await bench(context, walks(2, { milliseconds: 3000, log }));
    writeFileSync(log, "");
    const first = new TestWorker(context, { url: set.redis.url, stallSeconds: 600 });
    const sweeping = sweepQueue(set);
    await until("a task", () => begun(log) === 1);
    const started = performance.now();
    await first.kill("SIGTERM");
    assert.ok(performance.now() - started < 3000 * busy(), "it ended quickly");
    assert.equal(await first.exitCode(), 0);
    new TestWorker(context, { url: set.redis.url, stallSeconds: 600 });
    const summary = await sweeping;
    assert.deepEqual([summary.done, summary.failed], [2, 0]);
    assert.ok(summary.seconds < 600, "nobody waited for a stall");
    assert.deepEqual(recordBytes(set.folder), set.clean);
  });

  test("passwords, and addresses that aren't", withRedis, async (context) => {
    const redis = await TestRedis.start(context, emptyFolder(context), { password: "secret" });
    await (await queueRunner({ url: redis.url })).close();
    const wrong = redis.url.replace("secret", "wrong");
    await assert.rejects(queueRunner({ url: wrong }), (error) => {
      assert.ok(error instanceof TwotempError && error.code === "experiments/queue");
      assert.doesNotMatch(error.message, /secret|:wrong@/);
      return true;
    });
    for (const url of ["", "localhost:6379", "http://localhost", "redis://h/x", "redis:///", "redis://:100%@h"]) {
      assert.throws(() => connection(url), TwotempError, url);
    }
    assert.equal(hidePassword("redis://user:pw@host:1"), "redis://…@host:1");
    assert.ok(connection("rediss://host").tls);
    assert.equal(connection("redis://[::1]:6379").host, "::1");
    assert.equal(connection("redis://:100%25@host").password, "100%");
  });

  test("a Redis that refuses the queue: one line, and the process ends", withRedis, async (context) => {
    const redis = await TestRedis.start(context, emptyFolder(context));
    const queue = openQueue(redis);
    await (await queue.client).set(versionsKey(redis), "no table");
    await queue.close();
    const script = `
      const { queueRunner } = require(${JSON.stringify(join(__dirname, "../../lib/experiments/queue.js"))});
      queueRunner({ url: ${JSON.stringify(redis.url)} }).catch((error) => console.log(error.code, error.message));`;
    const { stdout, status } = spawnSync(process.execPath, ["-e", script], { timeout: 30_000 });
    assert.equal(status, 0);
    assert.match(stdout.toString(), /^experiments\/queue the Redis at redis:.* doesn't take twotemp:.*WRONGTYPE.*\n$/);
  });

  test(
    "TLS: the certificate is checked; a private authority is named by NODE_EXTRA_CA_CERTS",
    withRedis,
    async (context) => {
      const folder = emptyFolder(context);
      const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
      const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
      const made = spawnSync("openssl", [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        key,
        "-out",
        certificate,
        ...subject,
      ]);
      if (made.status !== 0) return context.skip("needs openssl");
      const redis = await TestRedis.start(context, emptyFolder(context), { certificate: { key, certificate } });
      assert.match(redis.url, /^rediss:/);
      const script = `
      const { queueRunner } = require(${JSON.stringify(join(__dirname, "../../lib/experiments/queue.js"))});
      queueRunner({ url: ${JSON.stringify(redis.url)} }).then(
        async (runner) => { await runner.close(); console.log("connected"); },
        (error) => console.log(error.message));`;
      const connect = (environment: object): string =>
        spawnSync(process.execPath, ["-e", script], { env: { ...process.env, ...environment } }).stdout.toString();
      assert.equal(connect({ NODE_EXTRA_CA_CERTS: certificate }), "connected\n");
      assert.match(connect({ NODE_EXTRA_CA_CERTS: "" }), /no Redis at rediss:.*self-signed certificate/);
    },
  );

  test("a worker ends when it has had nothing to do for as long as it was told", withRedis, async (context) => {
    const set = await bench(context, walks(3));
    const worker = new TestWorker(context, { url: set.redis.url, idleSeconds: 2 });
    assert.equal((await sweepQueue(set)).done, 3);
    await worker.says(/no task for 2 s: done/);
    assert.equal(await worker.exitCode(), 0);
  });

  test("a worker that ends while Redis is away leaves no process", withRedis, async (context) => {
    const redis = await TestRedis.start(context, emptyFolder(context));
    const command = join(__dirname, "../../../scripts/twotemp.js");
    const child = spawn(process.execPath, [command, "work", "--queue", redis.url, "--workers", "1", "--idle", "6"]);
    context.after(() => child.kill("SIGKILL"));
    const exited = once(child, "exit");
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data: Buffer) => (output += data.toString()));
    await until("the worker", () => /working on/.test(output));
    await redis.kill();
    assert.equal((await Promise.race([exited, delay(20_000 * busy(), ["nothing"])]))[0], 0);
    assert.match(output, /waiting for it[^]*no task for 6 s: done/);
  });

  test("no Redis there: one clear line within 11 s", async () => {
    const started = performance.now();
    await assert.rejects(
      queueRunner({ url: "redis://127.0.0.1:1" }),
      /no Redis at redis:\/\/127.0.0.1:1: .*ECONNREFUSED/,
    );
    assert.ok(performance.now() - started < 11_000 * busy());
  });
});
