import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { parse } from "yaml";
import { withRedis } from "../experiments/redis.js";
import { runProgram } from "../scripts/support.js";
import { freePort, needs } from "../support.js";
import { blocksOf, commandsOf } from "./documents.js";
import { smallClone } from "./smallClone.js";

/** What the test reads of a Kubernetes job. */
interface Job {
  readonly kind: string;
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: readonly {
          readonly command: readonly string[];
          readonly env: readonly { readonly name: string }[];
        }[];
      };
    };
  };
}

const scripts = blocksOf("sh").filter(({ document }) => document.endsWith("scaling.md"));
const many = scripts.find(({ code }) => code.includes("apt-get"))!;
const slurm = scripts.find(({ code }) => code.includes("#SBATCH"))!;
const command = (start: string): string => commandsOf(many).find((line) => line.startsWith(start))!;

/** Root may install packages, and one that is there already isn't changed. */
const packaged =
  process.getuid?.() === 0 &&
  spawnSync("dpkg-query", ["--show", "--showformat=${db:Status-Status}", "redis-server"], { encoding: "utf8" })
    .stdout === "installed";

// A worker that gave up before its first task would leave the sweep waiting.
describe("the queue as documented, on this machine in place of a cluster", { ...withRedis, timeout: 900_000 }, () => {
  const password = "a password";
  const encoded = encodeURIComponent(password);
  let clone: string;
  let port: number;
  let server: ChildProcess;
  let environment: NodeJS.ProcessEnv;

  /** Runs a documented script to its end, with this machine's names and the small experiment. */
  const start = (script: string, env: NodeJS.ProcessEnv = {}) => {
    const here = script
      .replaceAll("head-node:6379", `127.0.0.1:${port}`)
      .replaceAll("rediss://", "redis://")
      .replaceAll("/shared/twotemp", ".")
      .replaceAll(/\be1\b/g, "digits")
      .replaceAll("--idle 600", "--idle 15");
    const commands = 'npx() { shift; node scripts/twotemp.js "$@"; }\nsrun() { "$@"; }\n';
    return runProgram("bash", ["-c", commands + here], { cwd: clone, env: { ...environment, ...env } });
  };

  /** Runs `run` and a worker beside each other; the sweep has to end whole. */
  const sweep = async (worker: string, env: NodeJS.ProcessEnv): Promise<void> => {
    const [run, work] = await Promise.all([start(command("npx twotemp run e1"), env), start(worker, env)]);
    assert.equal(run.status, 0, run.stdout + run.stderr + work.stdout + work.stderr);
    assert.equal(work.status, 0, work.stdout + work.stderr);
    assert.match(work.stdout + work.stderr, /search .* done[^]*transfer .* done/);
    assert.ok(existsSync(join(clone, "runs", "digits")));
    rmSync(join(clone, "runs"), { recursive: true });
  };

  before(async () => {
    clone = smallClone();
    port = await freePort();
    const home = join(clone, "home");
    mkdirSync(home);
    writeFileSync(join(home, ".twotemp-password"), encoded);
    environment = { ...process.env, HOME: home, PASSWORD: password };
    const line = command("redis-server").replace("6379", String(port)).replace("0.0.0.0", "127.0.0.1");
    server = spawn("bash", ["-c", `exec ${line}`], { cwd: home, env: environment, stdio: "ignore" });
  });
  after(async () => {
    const gone = once(server, "exit");
    server.kill();
    await gone;
  });

  test("Redis is installed", needs("redis-server", packaged, "install the package as root"), () => {
    const { status, stderr } = spawnSync("bash", ["-c", command("apt-get")], { encoding: "utf8" });
    assert.equal(status, 0, stderr);
  });

  test("a plain worker", async () => {
    const address = command("export").replace("$PASSWORD", encoded);
    await sweep(`${address}\n${command("npx twotemp work")} --idle 15`, { TWOTEMP_QUEUE: queue() });
  });

  test("Slurm's job", async () => {
    await sweep(slurm.code, { SLURM_CPUS_PER_TASK: "1", TWOTEMP_QUEUE: queue() });
  });

  test("the container of Kubernetes' job", async () => {
    const jobs = blocksOf("yaml").map(({ code }) => parse(code) as Job);
    assert.deepEqual(
      jobs.map(({ kind }) => kind),
      ["Job"],
    );
    for (const { command, env } of jobs[0].spec.template.spec.containers) {
      assert.deepEqual(
        env.map(({ name }) => name),
        ["TWOTEMP_QUEUE"],
      );
      await sweep(command.join(" ").replace("--workers 4", "--workers 1"), { TWOTEMP_QUEUE: queue() });
    }
  });

  const queue = (): string => `redis://:${encoded}@127.0.0.1:${port}`;
});
