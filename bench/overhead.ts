import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import {
  executeTask,
  inlineRunner,
  makeTask,
  poolRunner,
  queueRunner,
  type Runner,
  RunStore,
  sweep,
  type Task,
} from "../lib/experiments/index.js";

/**
 * What a task costs beside its own work: in this process, in a pool, through a queue with one worker (where redis-server
 * is installed). Prints milliseconds a task of wall clock, and of this process's CPU; and how many times as many tasks two
 * workers do. Run: `node dist/bench/overhead.js`.
 */
async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "twotemp-overhead-"));
  const started: ChildProcess[] = [];
  const tasks = Array.from({ length: 300 }, (_, seed) => makeTask("testbed", { seed, gateCount: 2, steps: 1 }));
  console.log(`load ${loadavg()[0].toFixed(1)}, ${tasks.length} tasks`);
  try {
    await measure("own work", tasks, async () => {
      for (const task of tasks) await executeTask(task, { inputs: [] });
    });
    const through = async (name: string, runner: Runner): Promise<void> =>
      withStore(folder, runner, 1, (run) => measure(name, tasks, () => run(tasks)));
    await through("store, in this process", inlineRunner());
    await through("store and pool of one", poolRunner({ workers: 1 }));
    await speedUp(folder);
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    server.close();
    const redis = spawn("redis-server", ["--port", String(port), "--bind", "127.0.0.1", "--save", ""], {
      stdio: "ignore",
    });
    started.push(redis);
    const missing = await Promise.race([once(redis, "error").then(() => true), delay(500, false)]);
    if (missing) return console.log("no redis-server: the queue isn't measured");
    const url = `redis://127.0.0.1:${port}`;
    const cli = join(__dirname, "..", "..", "scripts", "twotemp.js");
    // Kinds that use an engine are part of the version: this process needs the worker's engine.
    const { ready } = await import("../lib/engine/index.js");
    await ready({ threads: 1 });
    started.push(spawn(process.execPath, [cli, "work", "--queue", url, "--workers", "1"], { stdio: "ignore" }));
    await through("store and queue, one worker", await queueRunner({ url }));
  } finally {
    for (const process of started) process.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The same tasks of some 0.2 s by one worker and by two, in alternating rounds; their processes are started before. */
async function speedUp(folder: string): Promise<void> {
  const tasks = Array.from({ length: 24 }, (_, seed) => makeTask("testbed", { seed, gateCount: 10, steps: 4000 }));
  const ratios: number[] = [];
  for (let round = 0; round < 5; round++) {
    const [one, two] = [await seconds(1), await seconds(2)];
    ratios.push(one / two);
  }
  ratios.sort((a, b) => a - b);
  const [low, , median, , high] = ratios.map((ratio) => ratio.toFixed(2));
  console.log(`two workers do ${median} [${low}, ${high}] times the tasks of one`);

  function seconds(workers: number): Promise<number> {
    return withStore(folder, poolRunner({ workers }), workers, async (run) => (await run(tasks)).seconds);
  }
}

/** Work on tasks that go through a runner into an empty store. The first tasks, one a worker, pay for the start of processes. */
async function withStore<T>(
  folder: string,
  runner: Runner,
  workers: number,
  work: (run: (tasks: readonly Task[]) => ReturnType<typeof sweep>) => Promise<T>,
): Promise<T> {
  const store = new RunStore(mkdtempSync(join(folder, "store-")));
  const stamp = { name: "overhead", hash: "0".repeat(64) };
  const run = (tasks: readonly Task[]): ReturnType<typeof sweep> => sweep(tasks, stamp, store, { runner });
  await run(Array.from({ length: workers }, (_, seed) => makeTask("testbed", { seed: -1 - seed })));
  const result = await work(run);
  await runner.close();
  store.close();
  return result;
}

async function measure(name: string, tasks: readonly Task[], work: () => Promise<unknown>): Promise<void> {
  const cpu = process.cpuUsage();
  const started = performance.now();
  await work();
  const wall = (performance.now() - started) / tasks.length;
  const { user, system } = process.cpuUsage(cpu);
  console.log(
    `${name.padEnd(30)} ${wall.toFixed(2)} ms a task, ${((user + system) / 1000 / tasks.length).toFixed(2)} ms of CPU here`,
  );
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
