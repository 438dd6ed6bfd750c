import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { root, runProgram, type Ended } from "./support.js";

const twotemp = (args: string[], engine: string): Promise<Ended> =>
  runProgram(process.execPath, [join(root, "scripts/twotemp.js"), ...args], {
    env: { ...process.env, TWOTEMP_ENGINE: engine },
  });

for (const engine of ["wasm", "cpu"]) {
  test(`doctor --json names the engine ${engine} and passes`, async () => {
    const { status, stdout, stderr } = await twotemp(["doctor", "--json"], engine);
    assert.equal(stderr, "");
    assert.equal(status, 0);
    const diagnosis = JSON.parse(stdout) as Record<string, unknown>;
    assert.equal(diagnosis.engine, engine);
    assert.deepEqual(diagnosis.problems, []);
    assert.ok((diagnosis.datasets as string[]).includes("digits"));
    assert.ok((diagnosis.freeDiskGigabytes as number) > 0);
    assert.equal(diagnosis.node, process.versions.node);
  });
}

test("doctor prints one table", async () => {
  const { status, stdout } = await twotemp(["doctor"], "cpu");
  assert.equal(status, 0);
  for (const row of [
    "engine",
    "threads",
    "kernel",
    "Python packages",
    "browser for figures",
    "data folders",
    "free disk",
  ]) {
    assert.match(stdout, new RegExp(`^${row} `, "m"));
  }
});

test("doctor fails when no engine can be had", async () => {
  const { status, stdout } = await twotemp(["doctor", "--json"], "warp");
  assert.equal(status, 1);
  const { engine, problems } = JSON.parse(stdout) as { engine: unknown; problems: string[] };
  assert.equal(engine, null);
  assert.match(problems[0], /no engine: unknown engine "warp"/);
});

test("an unknown command ends in a clear line and a failure", async () => {
  const { status, stderr } = await twotemp(["diagnose"], "cpu");
  assert.equal(status, 1);
  assert.match(stderr, /unknown command 'diagnose'/);
});
