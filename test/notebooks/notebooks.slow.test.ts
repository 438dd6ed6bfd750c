import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { needs } from "../support.js";
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
    test(`${name} runs without an error or a line on stderr`, async () => passed(await execute(name)));
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

  test("10-your-data.ipynb ends a mistake with one line that says what to do", async () => {
    const { status, stderr } = await execute("10-your-data.ipynb", { source: "idle,leek" });
    assert.equal(status, 1);
    assert.match(stderr, /TwotempError: sensors has no class "leek", only idle, leak, load/);
  });
});
