import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { needs } from "../support.js";
import {
  kernelInstalled,
  root,
  runProgram,
  temporaryFolder,
  writeNotebook,
  type Ended,
  type RunOptions,
} from "./support.js";

const folder = temporaryFolder("notebooks");

interface Executed extends Ended {
  /** The text of the executed notebook's outputs. */
  readonly outputs: string;
}

async function execute(
  name: string,
  cells: string[],
  args: string[] = [],
  signal?: RunOptions["signal"],
): Promise<Executed> {
  const notebook = writeNotebook(join(folder, `${name}.ipynb`), cells);
  const before = readFileSync(notebook, "utf8");
  const output = join(folder, "executed", `${name}.ipynb`);
  const runner = [join(root, "scripts/run_notebook.py"), notebook, "--output", output, ...args];
  const ended = await runProgram(join(root, ".venv/bin/python"), runner, { signal });
  assert.equal(readFileSync(notebook, "utf8"), before, "the notebook itself is not touched");
  const leftovers = readdirSync(join(folder, "executed")).filter((file) => file.includes("partial"));
  assert.deepEqual(leftovers, []);
  const executed = JSON.parse(readFileSync(output, "utf8")) as { cells: { outputs: unknown[] }[] };
  assert.equal(executed.cells.length, cells.length, "no cell of the runner is left in it");
  return { ...ended, outputs: JSON.stringify(executed.cells.map((cell) => cell.outputs)) };
}

describe(
  "executing notebooks in the real kernel",
  needs("the Jupyter kernel", kernelInstalled, "npm run setup"),
  () => {
    test("a good notebook passes and shows its progress", async () => {
      const { status, stdout, stderr, outputs } = await execute("good", [
        "// Set up\nconst a: number = 20;",
        'console.log("progress", a);\nawait new Promise((resolve) => setTimeout(resolve, 100));',
        "a + 22",
      ]);
      assert.equal(stderr, "");
      assert.equal(status, 0);
      assert.match(stdout, /cell 1\/3: Set up {2}[\d.]+ s\ncell 2\/3: [^]*cell 3\/3: a \+ 22 {2}[\d.]+ s/);
      assert.match(outputs, /progress 20[^]*42/);
    });

    test("the library can be imported, and its engine writes nothing on stderr", async () => {
      const program = [
        'import * as tt from "twotemp";',
        "const engine = await tt.ready();\nconsole.log(engine.engine);",
        'import * as tf from "@tensorflow/tfjs";\nconst x: tf.Tensor = tf.tensor1d([1, 2]);\nx.square().sum().print();',
      ];
      const notebook = writeNotebook(join(root, "build", "import.ipynb"), program);
      const output = join(folder, "import.ipynb");
      const runner = [join(root, "scripts/run_notebook.py"), notebook, "--output", output];
      const { status, stderr } = await runProgram(join(root, ".venv/bin/python"), runner);
      assert.equal(stderr, "");
      assert.equal(status, 0);
      assert.match(readFileSync(output, "utf8"), /tensorflow|wasm|cpu/);
    });

    test("an error fails, and later cells don't run", async () => {
      const { status, stderr, outputs } = await execute("throws", [
        'throw new Error("planned");',
        'console.log("later");',
      ]);
      assert.equal(status, 1);
      assert.match(stderr, /throws\.ipynb failed: cell 1 raised an error\n[^]*Error: planned/);
      assert.match(outputs, /planned/);
      assert.doesNotMatch(outputs, /later/);
    });

    test("a type error fails", async () => {
      const { status, stderr } = await execute("type", ['const a: number = "text";']);
      assert.equal(status, 1);
      assert.match(stderr, /Type 'string' is not assignable to type 'number'/);
    });

    test("a line on stderr fails", async () => {
      const { status, stderr, outputs } = await execute("stderr", ['console.error("a warning");']);
      assert.equal(status, 1);
      assert.match(stderr, /it wrote on stderr\na warning/);
      assert.match(outputs, /a warning/);
    });

    test("a promise that is rejected after the last cell has ended fails", async () => {
      const { status, stderr, outputs } = await execute("late", [
        'setTimeout(() => void Promise.reject(new Error("too late")), 200);',
      ]);
      assert.equal(status, 1);
      assert.match(stderr, /too late/);
      assert.match(outputs, /too late/);
    });

    test("a cell past its limit is stopped", async () => {
      const { status, stderr, seconds } = await execute(
        "slow",
        ['console.log("begun");\nawait new Promise((resolve) => setTimeout(resolve, 60_000));'],
        ["--limit", "2"],
      );
      assert.equal(status, 1);
      assert.match(stderr, /timed out[^\n]* after 2 seconds/);
      assert.ok(seconds < 30, `it took ${seconds} s`);
    });

    test("a kernel that dies fails", async () => {
      const { status, stderr } = await execute("dies", [
        "setTimeout(() => process.exit(3), 50);\nawait new Promise((resolve) => setTimeout(resolve, 60_000));",
      ]);
      assert.equal(status, 1);
      assert.match(stderr, /Kernel died/);
    });

    test("Ctrl-C keeps what was executed", async () => {
      const cells = ['console.log("kept");', "await new Promise((resolve) => setTimeout(resolve, 60_000));"];
      const { status, outputs, seconds } = await execute("interrupted", cells, [], {
        when: /cell 1\/2/,
        name: "SIGINT",
      });
      assert.notEqual(status, 0);
      assert.match(outputs, /kept/);
      assert.ok(seconds < 30, `it took ${seconds} s`);
      assert.ok(existsSync(join(folder, "executed", "interrupted.ipynb")));
    });
  },
);
