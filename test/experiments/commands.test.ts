import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { run } from "../../lib/cli.js";
import { emptyFolder } from "./support.js";

const experiment = {
  format: "twotemp-experiment",
  formatVersion: 1,
  name: "small",
  title: "a few runs",
  registration: "exploratory",
  design: "testbed",
  updates: ["mirror"],
  temperatures: [{ cold: 0.05, hot: 0.5 }],
  gateCount: 4,
  steps: 10,
  seeds: 2,
};

/** Runs a command; its exit code and what it printed. */
async function command(context: TestContext, ...args: string[]): Promise<{ code: number; output: string }> {
  const lines: string[] = [];
  const keep = (line: string): void => void lines.push(line);
  const mocks = [context.mock.method(console, "log", keep), context.mock.method(console, "error", keep)];
  try {
    return { code: await run(args), output: lines.join("\n") };
  } finally {
    for (const mock of mocks) mock.mock.restore();
    process.exitCode = 0;
  }
}

test("plan, run, status and results, from a file to a table", async (context) => {
  const folder = emptyFolder(context);
  const [file, store, out] = ["small.json", "store", "rows.csv"].map((name) => join(folder, name));
  writeFileSync(file, JSON.stringify(experiment));
  const plan = await command(context, "plan", file, "--store", store, "--json");
  assert.equal(plan.output.split("\n").length, 2);
  const ran = await command(context, "run", file, "--store", store, "--inline");
  assert.equal(ran.code, 0);
  assert.match(ran.output, /2 of 2 tasks done, 2 of them now/);
  const again = await command(context, "run", file, "--store", store, "--inline");
  assert.match(again.output, /2 of 2 tasks done, 0 of them now/);
  const status = await command(context, "status", file, "--store", store);
  assert.match(status.output, /2 of 2 tasks done, 0 set aside, 0 left/);
  const json = JSON.parse((await command(context, "status", file, "--store", store, "--json")).output) as object;
  assert.equal((json as { done: number }).done, 2);
  await command(context, "results", file, "--store", store, "--out", out);
  assert.match(readFileSync(out, "utf8"), /^task,update,cold,hot,.*\n.*\n.*\n$/);
});

test("commands say in one line what they can't do", async (context) => {
  const folder = emptyFolder(context);
  const file = join(folder, "bad.json");
  writeFileSync(file, JSON.stringify({ ...experiment, seeds: -1 }));
  for (const [args, message] of [
    [["run", "missing"], /no experiment missing/],
    [["plan", file], /seeds/],
    [["run", join(folder, "..", "x"), "--queue", "nonsense"], /no experiment/],
    [["run", "testbed", "--queue"], /--queue needs an address, there or in TWOTEMP_QUEUE/],
    [["results", "testbed", "--store", folder], /has no task of kind testbed that is done: twotemp run testbed/],
    [["results", "testbed", "--kind", "magic"], /testbed has no tasks of kind magic; it has testbed/],
    [["results", "testbed", "--effects"], /tasks of kind testbed have no arms to compare/],
    [["results", "testbed", "--format", "table", "--out", file], /--out writes csv or jsonl/],
  ] as const) {
    const { code, output } = await command(context, ...args);
    assert.equal(code, 1);
    assert.match(output, message);
    assert.ok(!output.includes("\n"), output);
  }
});
