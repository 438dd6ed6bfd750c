import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { busy, needs } from "../support.js";
import { kernelInstalled, root, runProgram, temporaryFolder, type Ended } from "../scripts/support.js";

const folder = temporaryFolder("executed notebooks");
const names = readdirSync(join(root, "notebooks")).filter((name) => name.endsWith(".ipynb"));
const exampleData = join(root, "build", "quick", "runs", "example-data");

/** Runs a notebook in the real kernel with its quick settings; its own file isn't touched. */
async function execute(name: string, settings: object = {}): Promise<Ended> {
  const notebook = join(root, "notebooks", name);
  const before = readFileSync(notebook, "utf8");
  const args = [join(root, "scripts/run_notebook.py"), notebook, "--output", join(folder, name), "--limit", "300"];
  const env = { ...process.env, TWOTEMP_QUICK: "1", TWOTEMP_SETTINGS: JSON.stringify(settings) };
  const ended = await runProgram(join(root, ".venv/bin/python"), args, { env });
  assert.equal(readFileSync(notebook, "utf8"), before);
  return ended;
}

function passed({ status, stdout, stderr }: Ended): void {
  assert.equal(stderr, "", stdout);
  assert.equal(status, 0);
}

describe("notebooks", needs("the Jupyter kernel", kernelInstalled, "npm run setup"), () => {
  assert.ok(names.length >= 3);
  for (const name of names) {
    test(`${name} runs within a minute, without an error or a line on stderr`, async () => {
      const before = busy();
      const ended = await execute(name);
      passed(ended);
      const slower = Math.max(before, busy());
      assert.ok(ended.seconds < 60 * slower, `${ended.seconds} s, where ${slower} programs share a core`);
    });
  }

  test("10-your-data.ipynb runs with grey and with coloured pictures", async () => {
    const letters = { data: join(exampleData, "letters"), reading: {}, source: "A-F", target: "G-L", density: 0.2 };
    passed(await execute("10-your-data.ipynb", letters));
    const shapes = {
      data: join(exampleData, "shapes"),
      reading: { size: 12, channels: 3 },
      source: "bar,circle,cross,diamond",
      target: "frame,ring,square,triangle",
      density: 0.2,
    };
    passed(await execute("10-your-data.ipynb", shapes));
  });

  test("a table of one's own goes through 10-your-data.ipynb to its figures within five minutes", async (t) => {
    // Real measurements, as somebody's file has them: the digits' 64 pixels with a header and the class in words.
    const own = join(root, "build", "own-data");
    mkdirSync(own, { recursive: true });
    const table = join(own, "digits.csv");
    const words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    const rows = readFileSync(join(root, "datasets/digits/optdigits.tra"), "utf8").trim().split("\n");
    const named = rows.map((row) => row.trim().replace(/\d+$/, (digit) => words[Number(digit)]));
    const header = [...Array.from({ length: 64 }, (_, i) => `pixel ${i}`), "digit"].join(",");
    writeFileSync(table, [header, ...named].join("\n"));

    // The one cell that is edited; then the whole notebook, at its full settings, with quick runs' folders.
    const notebook = JSON.parse(readFileSync(join(root, "notebooks/10-your-data.ipynb"), "utf8")) as {
      cells: { source: string | string[] }[];
    };
    const cell = notebook.cells.find(({ source }) => [source].flat().join("").startsWith("// Edit this cell."))!;
    const edits: [RegExp, string][] = [
      [/data: [^,]+,/, `data: ${JSON.stringify(table)},`],
      [/label: "event"/, 'label: "digit"'],
      [/source: "[^"]+"/, 'source: "zero,one,two,three,four"'],
      [/target: "[^"]+"/, 'target: "five,six,seven,eight,nine"'],
      [/density: [^,]+,/, "density: 0.1875,"],
    ];
    cell.source = edits.reduce((text, [from, to]) => {
      assert.match(text, from);
      return text.replace(from, to);
    }, [cell.source].flat().join(""));
    const edited = join(own, "10-your-data.ipynb");
    writeFileSync(edited, JSON.stringify(notebook));
    const settings = JSON.stringify({ steps: 1000, searches: 3, retrainings: 5, randomCount: 20 });
    const args = [join(root, "scripts/run_notebook.py"), edited, "--limit", "600"];
    const env = { ...process.env, TWOTEMP_QUICK: "1", TWOTEMP_SETTINGS: settings };
    const ended = await runProgram(join(root, ".venv/bin/python"), args, { env });
    passed(ended);
    t.diagnostic(`${ended.seconds.toFixed(0)} s from starting the notebook to its last figure`);
    const { cells } = JSON.parse(readFileSync(edited, "utf8")) as {
      cells: { outputs?: { data?: Record<string, unknown> }[] }[];
    };
    const figures = cells.flatMap(({ outputs = [] }) => outputs).filter(({ data }) => data?.["image/svg+xml"]);
    assert.ok(figures.length >= 5, `${figures.length} figures and tables`);
    assert.ok(ended.seconds < 300 * busy(), `${ended.seconds} s`);
  });

  test("10-your-data.ipynb ends a mistake with one line that says what to do", async () => {
    const { status, stderr } = await execute("10-your-data.ipynb", { source: "idle,leek" });
    assert.equal(status, 1);
    assert.match(stderr, /TwotempError: sensors has no class "leek", only idle, leak, load/);
  });
});
