import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { parse } from "yaml";
import { root, runProgram, temporaryFolder } from "../scripts/support.js";
import { type CodeBlock, codeBlocks, documents } from "./documents.js";

const blocksOf = (language: string): CodeBlock[] =>
  documents()
    .flatMap(codeBlocks)
    .filter((block) => block.language === language);

/** Commands that aren't run here, and why. */
const elsewhere: readonly (readonly [RegExp, string])[] = [
  [/^npm start$/, "test/scripts/setup.slow.test.ts runs it in a fresh clone"],
  [
    /^npm start -- --source emnist-letters/,
    "downloads the letters; test/scripts/setup.slow.test.ts gives other settings",
  ],
  [/^npm (test|run check)$/, "run this very test"],
  [/^npm run lab$/, "doesn't end; test/scripts/lab.slow.test.ts opens it"],
  [/^JUPYTER_PATH=.* code \.$/, "opens the window of VS Code"],
  [/^apt-get install /, "changes the system"],
  [/^redis-server /, "doesn't end; test/experiments/queue.slow.test.ts starts one with these options"],
  [/^npx twotemp (run e1 --queue|work)/, "needs other machines; test/experiments/queue.slow.test.ts runs both"],
  [/^(export TWOTEMP_QUEUE=|cd \/shared\/|srun )/, "names a cluster's own machines and folders"],
];

/** The commands of a block, one a line, without comments. */
const commandsOf = ({ code }: CodeBlock): string[] =>
  code
    .split("\n")
    .map((line) => line.replace(/(^|\s)#.*/, "").trim())
    .filter(Boolean);

/** A copy of the project with its compiled code, in which `digits` is a minute's work at most. */
function smallClone(): string {
  const clone = temporaryFolder("documented commands");
  const copied = ["package.json", "scripts", "dist", "lib", "experiments", "jupyter", join("datasets", "digits")];
  for (const name of copied) cpSync(join(root, name), join(clone, name), { recursive: true });
  for (const name of ["node_modules", "build", ".venv"]) {
    if (existsSync(join(root, name))) symlinkSync(join(root, name), join(clone, name));
  }
  const file = join(clone, "experiments", "digits.json");
  const digits = JSON.parse(readFileSync(file, "utf8")) as object;
  const small = {
    shots: [1],
    seeds: { search: 1 },
    variants: [{ name: "short", search: { steps: 50 } }],
    retraining: { retrainings: 1, randomCount: 2, tuningArchitectures: 1 },
  };
  writeFileSync(file, JSON.stringify({ ...digits, ...small }));
  return clone;
}

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
      const script = `npx() { shift; node scripts/twotemp.js "$@"; }\n${command}`;
      const { status, stdout, stderr } = await runProgram("bash", ["-c", script], { cwd: clone });
      assert.equal(status, 0, stdout + stderr);
      const written = / --out (\S+)/.exec(command)?.[1];
      assert.ok(written ? readFileSync(join(clone, written), "utf8").includes("random") : stdout.length > 50, stdout);
    });
  }

  test("job files and all other commands name options that there are", () => {
    const jobs = blocksOf("yaml").map(({ code }) => parse(code) as Job);
    assert.ok(jobs.length > 0);
    const lines = jobs.flatMap(({ kind, spec }) => {
      assert.equal(kind, "Job");
      return spec.template.spec.containers.map(({ command }) => command.join(" "));
    });
    const helps = new Map<string, string>();
    let seen = 0;
    for (const text of [...lines, ...documents().map(({ text }) => text)]) {
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

/** What the test reads of a Kubernetes job. */
interface Job {
  readonly kind: string;
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly { readonly command: readonly string[] }[] } };
  };
}
