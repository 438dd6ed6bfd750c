import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { pathWith, root, runProgram, temporaryFolder, type Ended } from "./support.js";

/** Runs a few lines of CommonJS beside the scripts, in another process. */
function inScripts(code: string, env: NodeJS.ProcessEnv = process.env): Promise<Ended> {
  return runProgram(process.execPath, ["-e", code], { cwd: join(root, "scripts"), env });
}

/** Runs steps that need nothing and work as told. */
function takeSteps(steps: string): Promise<Ended> {
  return inScripts(`
    const { takeSteps } = require("./setup/steps.js");
    const { SetupError } = require("./setup/errors.js");
    const step = (name, needs, run, isDone = () => false) => ({ name, title: name, needs, without: "walking", isDone, run });
    takeSteps([${steps}], {}).then(({ done, failed }) => console.log(JSON.stringify([[...done], failed.map((s) => s.name)])));
  `);
}

describe("the steps of the set-up", () => {
  test("a failed step tells what failed, what still works and what mends it; the others go on", async () => {
    const { stdout } = await takeSteps(`
      step("a", [], async () => "fine"),
      step("b", ["a"], async () => { throw new SetupError("no b here", "get b"); }),
      step("c", ["b"], async () => {}),
      step("d", ["a"], async () => {})`);
    const lines = stdout.trim().split("\n");
    assert.match(lines[0], /^\[1\/4\] a \.\.\. [\d.]+ s \(fine\)$/);
    assert.match(lines[1], /^\[2\/4\] b \.\.\. failed after [\d.]+ s: no b here$/);
    assert.match(lines[2], /still works: walking$/);
    assert.match(lines[3], /to mend it: +get b$/);
    assert.equal(lines[4], "[3/4] c: left out, it needs the b");
    assert.deepEqual(JSON.parse(lines[6]), [
      ["a", "d"],
      ["b", "c"],
    ]);
  });

  test("a step that an earlier one undid is done again", async () => {
    const { stdout } = await takeSteps(`
      step("a", [], async () => { globalThis.undone = true; }),
      step("b", [], async () => {}, () => !globalThis.undone)`);
    assert.match(stdout, /\[2\/2\] b \.\.\./);
  });

  test("without a compiler or Python, the message says so and how to get one", async () => {
    const env = { ...process.env, CXX: "", PATH: temporaryFolder("empty") };
    const ask = (step: string): Promise<Ended> =>
      inScripts(
        `require("./setup/${step}.js").run({ engine: "native", gpu: false, python: undefined })
           .catch((error) => console.log(JSON.stringify([error.message, error.remedy])))`,
        env,
      );
    const compiler = JSON.parse((await ask("binding")).stdout) as string[];
    assert.equal(compiler[0], "no C++ compiler (tried g++, clang++, c++)");
    assert.match(compiler[1], /g\+\+|xcode/);
    const python = JSON.parse((await ask("python")).stdout) as string[];
    assert.equal(python[0], "no Python 3.9 or later (tried python3, python)");
    assert.match(python[1], /python/);
  });

  test("a Python that is too old is no Python", async () => {
    const folder = temporaryFolder("old python");
    writeFileSync(join(folder, "python3"), "#!/bin/sh\n", { mode: 0o755 });
    const { stdout } = await inScripts(
      `require("./setup/python.js").run({ engine: "native", gpu: false, python: undefined }).catch((e) => console.log(e.message))`,
      { ...process.env, PATH: pathWith(folder, ["sh"]) },
    );
    assert.match(stdout, /no Python 3\.9 or later/);
  });
});

describe("options", () => {
  const cases: [string[], RegExp][] = [
    [["setup.js", "--engine", "warp"], /--engine must be native, wasm, cpu, got warp/],
    [["setup.js", "--python", "/no/such/python"], /--python \/no\/such\/python: no such file/],
    [["setup.js", "--fast"], /'--fast'/],
    [["start.js", "--density", "1.2"], /--density must be a number above 0 and at most 1, got 1\.2/],
    [["start.js", "--density", ""], /--density must be/],
    [["start.js", "--shots", "1,zwei"], /--shots must be whole numbers above 0, such as 1,5,10, got 1,zwei/],
    [["start.js", "--seed", "0.5"], /--seed must be a whole number, got 0\.5/],
    [["start.js", "--nonsense", "1"], /'--nonsense'/],
  ];
  for (const [args, message] of cases) {
    test(`${args.join(" ")} ends in one clear line`, async () => {
      const { status, stderr, stdout } = await runProgram(process.execPath, args, { cwd: join(root, "scripts") });
      assert.equal(status, 1);
      assert.match(stderr, message);
      assert.equal(stderr.trim().split("\n").length, 1);
      assert.equal(stdout, "");
    });
  }

  test("settings arrive with their types", async () => {
    const given = { source: "mnist:0-4", density: "0.1", shots: "1, 5", seed: "0", engine: "wasm" };
    const { stdout } = await inScripts(
      `console.log(JSON.stringify(require("./settings.js").readSettings(${JSON.stringify(given)})))`,
    );
    assert.deepEqual(JSON.parse(stdout), { source: "mnist:0-4", density: 0.1, shots: [1, 5], seed: 0 });
  });
});

test("the lock of a set-up that was killed is taken over, that of a running one is waited for", async () => {
  const folder = temporaryFolder("lock");
  const { stdout } = await inScripts(`
    require("./setup/paths.js").build = ${JSON.stringify(folder)};
    const { alone } = require("./setup/lock.js");
    const fs = require("node:fs");
    const file = ${JSON.stringify(join(folder, "setup.lock"))};
    (async () => {
      fs.writeFileSync(file, "999999999");
      console.log(await alone(async () => "taken over"));
      fs.writeFileSync(file, String(process.ppid));
      setTimeout(() => fs.rmSync(file), 500);
      console.log(await alone(async () => "waited"));
      console.log(fs.existsSync(file));
    })();`);
  const lines = stdout.trim().split("\n");
  assert.equal(lines[0], "taken over");
  assert.match(lines[1], /^waiting for another set-up of this repository \(process \d+\)$/);
  assert.deepEqual(lines.slice(2), ["waited", "false"]);
});
