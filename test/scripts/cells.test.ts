import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { root, runProgram, temporaryFolder, writeNotebook, type Ended } from "./support.js";

const folder = temporaryFolder("cells");
const runCells = (name: string, cells: string[]): Promise<Ended> =>
  runProgram(process.execPath, [join(root, "scripts/run_cells.js"), writeNotebook(join(folder, name), cells)]);

test("a notebook's cells run as one script, in order, with types, imports and top-level await", async () => {
  const { status, stdout, stderr } = await runCells("good.ipynb", [
    'import * as path from "node:path";\nconst n: number = 2;',
    'await new Promise<void>((resolve) => setTimeout(resolve, 10));\nconsole.log(path.basename(process.cwd()) !== "", n * 21);',
  ]);
  assert.equal(stderr, "");
  assert.equal(status, 0);
  assert.match(stdout, /cell 1\/2[^]*cell 2\/2[^]*true 42/);
});

test("an error in a cell ends the script", async () => {
  const { status, stdout, stderr } = await runCells("bad.ipynb", [
    'throw new Error("planned");',
    'console.log("never");',
  ]);
  assert.equal(status, 1);
  assert.match(stderr, /planned/);
  assert.doesNotMatch(stdout, /never$/m);
});
