import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { pathWith, root, runProgram, temporaryFolder, type Ended, type RunOptions } from "./support.js";

/** Runs a few lines of CommonJS beside the scripts, in another process. */
function inScripts(code: string, options: RunOptions = {}): Promise<Ended> {
  return runProgram(process.execPath, ["-e", code], { cwd: join(root, "scripts"), ...options });
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
        { env },
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
      { env: { ...process.env, PATH: pathWith(folder, ["sh"]) } },
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

  test("an engine for one run leaves the remembered CUDA build; --no-gpu forgets it", async () => {
    const folder = temporaryFolder("choices");
    const file = join(folder, "engine.json");
    const remembered = async (args: string[]): Promise<unknown> => {
      writeFileSync(file, '{ "gpu": true }');
      await inScripts(`
        require("./setup/paths.js").build = ${JSON.stringify(folder)};
        require("./setup.js").setUp = async () => ({ usable: false });
        process.argv.push(...${JSON.stringify(args)});
        process.argv.splice(1, 0, "start.js");
        require("./start.js");`);
      return JSON.parse(readFileSync(file, "utf8"));
    };
    assert.deepEqual(await remembered(["--engine", "wasm"]), { gpu: true });
    assert.deepEqual(await remembered(["--engine", "native"]), { gpu: true });
    assert.deepEqual(await remembered(["--no-gpu"]), { gpu: false });
  });
});

describe("the lock of the set-up", () => {
  /** Runs lines that may wait for the lock, for some seconds at most. */
  function withLock(folder: string, code: string, signal?: RunOptions["signal"]): Promise<Ended> {
    return inScripts(
      `require("./setup/paths.js").build = ${JSON.stringify(folder)};
      const { alone } = require("./setup/lock.js");
      const fs = require("node:fs");
      const file = ${JSON.stringify(join(folder, "setup.lock"))};
      setTimeout(() => process.exit(1), 5000).unref();
      (async () => {${code}})();`,
      { signal },
    );
  }

  test("that of a set-up that was killed is taken over, that of a running one is waited for", async () => {
    const folder = temporaryFolder("lock");
    const { stdout } = await withLock(
      folder,
      `fs.writeFileSync(file, "999999999");
      console.log(await alone(async () => "taken over"));
      fs.writeFileSync(file, String(process.ppid));
      setTimeout(() => fs.rmSync(file), 500);
      console.log(await alone(async () => "waited"));`,
    );
    const lines = stdout.trim().split("\n");
    assert.equal(lines[0], "taken over");
    assert.match(
      lines[1],
      /^waiting for another set-up of this repository \(process \d+; if it is none, remove build\/setup\.lock\)$/,
    );
    assert.deepEqual(lines.slice(2), ["waited"]);
    assert.deepEqual(readdirSync(folder), []);
  });

  test("that of an earlier process of the same number is taken over", async () => {
    const { stdout } = await withLock(
      temporaryFolder("own lock"),
      `fs.writeFileSync(file, String(process.pid));
      console.log(await alone(async () => "taken over"));`,
    );
    assert.equal(stdout, "taken over\n");
  });

  test("an empty one is waited for until it is some seconds old", async () => {
    const { stdout } = await withLock(
      temporaryFolder("empty lock"),
      `fs.writeFileSync(file, "");
      let released = false;
      setTimeout(() => {
        released = true;
        fs.rmSync(file);
      }, 300);
      console.log(await alone(async () => released));
      fs.writeFileSync(file, "");
      fs.utimesSync(file, new Date(), new Date(Date.now() - 60_000));
      console.log(await alone(async () => "taken over"));`,
    );
    assert.equal(stdout, "true\ntaken over\n");
  });

  test("one that another waiting set-up took over first is left to it", async () => {
    const folder = temporaryFolder("contended lock");
    const { stdout } = await withLock(
      folder,
      `const { rmSync, renameSync } = fs;
      let released = false;
      const takeFirst = () => {
        Object.assign(fs, { rmSync, renameSync });
        fs.writeFileSync(file, String(process.ppid));
        setTimeout(() => {
          released = true;
          fs.rmSync(file);
        }, 500);
      };
      fs.rmSync = (...args) => (takeFirst(), rmSync(...args));
      fs.renameSync = (...args) => (takeFirst(), renameSync(...args));
      fs.writeFileSync(file, "999999999");
      console.log(await alone(async () => released));`,
    );
    assert.match(stdout, /^waiting [^\n]*\ntrue\n$/);
    assert.deepEqual(readdirSync(folder), []);
  });

  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    test(`${name} ends the set-up and releases it`, async () => {
      const folder = temporaryFolder(name);
      const { signal } = await withLock(
        folder,
        `await alone(async () => {
          console.log("working");
          await new Promise((done) => setTimeout(done, 4000));
        });`,
        { when: /working/, name },
      );
      assert.equal(signal, name);
      assert.deepEqual(readdirSync(folder), []);
    });
  }
});

for (const [name, expected] of [
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const) {
  test(`${name} to npm test ends the tests that run, and no others begin`, async () => {
    const child = `
      process.on("${name}", () => { console.log("ended"); process.exit(0); });
      console.log("begun");
      setTimeout(() => {}, 4000);`;
    const { status, stdout } = await inScripts(
      `require("./setup.js").setUp = async () => ({ usable: true });
      require("./tests.js").testRuns = () => [["-e", ${JSON.stringify(child)}], ["-e", "console.log('others')"]];
      require("./test.js");`,
      { signal: { when: /begun/, name } },
    );
    assert.equal(status, expected);
    assert.equal(stdout, "begun\nended\n");
  });
}
