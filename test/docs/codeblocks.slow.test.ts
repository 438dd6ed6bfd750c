import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { after, before, describe, test } from "node:test";
import ts from "typescript";
import { root, runProgram } from "../scripts/support.js";
import { needs } from "../support.js";
import { codeBlocks, documents, moduleName, modules } from "./documents.js";

const python = spawnSync("python3", ["--version"]).status === 0;

// Inside the repository, where "twotemp" is the library; what blocks write stays here.
const folder = join(root, "build", "docs-test");

describe("blocks of TypeScript and Python in the documentation run, page by page", () => {
  before(() => void mkdirSync(folder, { recursive: true }));
  after(() => rmSync(folder, { recursive: true }));

  for (const block of documents().flatMap(modules)) {
    test(`${block.document}, line ${block.line}`, async () => {
      const { outputText } = ts.transpileModule(block.code, {
        compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
      });
      const file = join(folder, `${moduleName(block)}.mjs`);
      writeFileSync(file, `${outputText}\nprocess.exit(0);\n`);
      const { status, stderr } = await runProgram(process.execPath, [file], {
        cwd: folder,
        env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: "2" },
      });
      assert.equal(stderr, "");
      assert.equal(status, 0);
    });
  }

  // After the TypeScript, whose files they read.
  for (const block of documents().flatMap(codeBlocks)) {
    if (block.language !== "python") continue;
    const name = `${block.document}, line ${block.line}`;
    test(name, needs("Python 3", python, "apt-get install python3"), async () => {
      const env = { ...process.env, PYTHONPATH: join(root, "docs"), PYTHONDONTWRITEBYTECODE: "1" };
      const { status, stderr } = await runProgram("python3", ["-c", block.code], { cwd: folder, env });
      assert.equal(stderr, "");
      assert.equal(status, 0);
    });
  }
});
