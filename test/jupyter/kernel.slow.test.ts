import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { needs } from "../support.js";
import { kernelInstalled, root } from "../scripts/support.js";

interface Answer {
  readonly status: string;
  readonly text?: string;
  readonly matches?: readonly string[];
  readonly found?: boolean;
  readonly data?: Readonly<Record<string, string>>;
}

/** What the real kernel answers, in the order of the questions. */
function ask(questions: readonly Readonly<Record<string, string>>[], env: NodeJS.ProcessEnv = {}): Answer[] {
  const program = join(root, "test", "jupyter", "ask_kernel.py");
  const options = {
    cwd: join(root, "notebooks"),
    input: JSON.stringify(questions),
    encoding: "utf8",
    env: { ...process.env, ...env },
  } as const;
  const { status, stdout, stderr } = spawnSync(join(root, ".venv/bin/python"), [program], options);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as Answer[];
}

describe("the library in the real kernel", needs("the Jupyter kernel", kernelInstalled, "npm run setup"), () => {
  let answers: Answer[];
  before(() => {
    answers = ask([
      { run: 'import * as tt from "twotemp";\nconst s: number = tt.gate(0, 1);\nconsole.log(s);' },
      { run: "const wrong: string = tt.gate(0, 1);" },
      { run: "const steps: boolean = tt.settings({ steps: 3 }).steps;" },
      { complete: "tt.sear" },
      { complete: "tt.figures.effe" },
      { inspect: "tt.search" },
      { run: "for (let i = 0; i < 20_000; i++) console.log(i);" },
      { run: 'console.log(process.getActiveResourcesInfo().filter((name) => name === "FSEventWrap").length);' },
    ]);
  });

  test("its types are known: what fits runs, what doesn't is told", () => {
    assert.deepEqual(answers[0], { status: "ok", text: "0.5\n" });
    assert.equal(answers[1].status, "error");
    assert.match(answers[1].text!, /Type 'number' is not assignable to type 'string'/);
    assert.equal(answers[2].status, "error");
    assert.match(answers[2].text!, /Type 'number' is not assignable to type 'boolean'/);
  });

  test("thousands of lines printed at once arrive, each of them", () => {
    const lines = Array.from({ length: 20_000 }, (_, i) => `${i}\n`);
    assert.deepEqual(answers[6], { status: "ok", text: lines.join("") });
  });

  test("files of the library and its packages aren't watched: there are more than a thousand", () => {
    assert.ok(Number(answers[7].text) < 50, answers[7].text);
  });

  test("it hears all messages, also those that come while it starts", () => {
    const late = { NODE_OPTIONS: `--require ${JSON.stringify(join(__dirname, "lateBinding.js"))}` };
    assert.deepEqual(ask([{ run: "console.log(1);" }], late), [{ status: "ok", text: "1\n" }]);
  });

  test("names complete", () => {
    for (const name of ["search", "searches", "searchSpace"]) assert.ok(answers[3].matches!.includes(name), name);
    assert.ok(answers[4].matches!.includes("effects"));
  });

  test("hovering shows the signature and the documentation", () => {
    assert.equal(answers[5].found, true);
    const told = answers[5].data!["text/plain"];
    assert.match(told, /function search\(space: SearchSpace, dataset: Dataset/);
    assert.match(told, /architecture/);
  });
});
