import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { root, runProgram } from "../scripts/support.js";
import { blocksOf, commandsOf, documents } from "./documents.js";
import { smallClone } from "./smallClone.js";

/** Commands that aren't run here, and why. */
const elsewhere: readonly (readonly [RegExp, string])[] = [
  [/^npm start$/, "test/scripts/setup.slow.test.ts runs it in a fresh clone"],
  [/^npm start -- --source emnist-letters/, "test/scripts/setup.slow.test.ts runs it, small"],
  [/^npm (test|run check)$/, "run this very test"],
  [/^npm run lab$/, "doesn't end; test/scripts/lab.slow.test.ts opens it"],
  [/^(apt-get install|redis-server|npx twotemp (run e1 --queue|work)) /, "test/docs/queue.slow.test.ts runs it"],
  [/^npx twotemp work$/, "test/docs/queue.slow.test.ts runs it"],
  [/^(export TWOTEMP_QUEUE=|cd \/shared\/|srun )/, "test/docs/queue.slow.test.ts runs it"],
];

describe("commands in the documentation", () => {
  const commands = blocksOf("sh").flatMap((block) => commandsOf(block).map((command) => ({ ...block, command })));
  const isElsewhere = (command: string): boolean => elsewhere.some(([pattern]) => pattern.test(command));
  let clone: string;
  before(() => void (clone = smallClone()));

  test("every block is a script that bash can read", () => {
    for (const { document, line, code } of blocksOf("sh")) {
      const { status, stderr } = spawnSync("bash", ["-n"], { input: code, encoding: "utf8" });
      assert.equal(status, 0, `${document}, line ${line}: ${stderr}`);
    }
  });

  test("each that isn't run here is still in the documentation, and the test that runs it exists", () => {
    for (const [pattern, why] of elsewhere) {
      assert.ok(
        commands.some(({ command }) => pattern.test(command)),
        String(pattern),
      );
      for (const [path] of why.matchAll(/test\/\S+\.ts/g)) assert.ok(existsSync(join(root, path)), path);
    }
  });

  for (const { document, line, command } of commands.filter(({ command }) => !isElsewhere(command))) {
    test(`${document}, line ${line}: ${command}`, async () => {
      // npx would find the command of the project that node_modules belongs to.
      const npx = 'npx() { shift; node scripts/twotemp.js "$@"; }';
      // VS Code looks for kernels where this points.
      const code = 'code() { cat "$JUPYTER_PATH/kernels/twotemp/kernel.json"; }';
      const script = [npx, code, command].join("\n");
      const { status, stdout, stderr } = await runProgram("bash", ["-c", script], { cwd: clone });
      assert.equal(status, 0, stdout + stderr);
      const written = / --out (\S+)/.exec(command)?.[1];
      assert.ok(written ? readFileSync(join(clone, written), "utf8").includes("random") : stdout.length > 50, stdout);
    });
  }

  test("commands name options that there are, in the text too", () => {
    const helps = new Map<string, string>();
    let seen = 0;
    for (const text of documents().map(({ text }) => text)) {
      for (const [, name, rest] of text.matchAll(/(?:npx twotemp|scripts\/twotemp\.js) ([a-z]+)([^`\n#]*)/g)) {
        if (!helps.has(name)) {
          const program = join(root, "scripts", "twotemp.js");
          helps.set(name, spawnSync(process.execPath, [program, name, "--help"], { encoding: "utf8" }).stdout);
        }
        for (const [option] of rest.matchAll(/(?<= )--[a-z-]+/g)) {
          assert.match(helps.get(name)!, new RegExp(`${option}\\b`), `twotemp ${name} has no ${option}`);
          seen++;
        }
      }
    }
    assert.ok(seen > 8);
  });
});
