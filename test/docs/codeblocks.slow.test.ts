import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import ts from "typescript";
import { root, runProgram } from "../scripts/support.js";
import { documents, moduleName, modules } from "./documents.js";

// Inside the repository, where "twotemp" is the library.
const folder = join(root, "build", "docs-test");

describe("blocks of TypeScript in the documentation run, but for those marked no-run", () => {
  before(() => void mkdirSync(folder, { recursive: true }));
  after(() => rmSync(folder, { recursive: true }));

  for (const block of documents().flatMap(modules)) {
    if (block.marks.includes("no-run")) continue;
    test(`${block.document}, line ${block.line}`, async () => {
      const { outputText } = ts.transpileModule(block.code, {
        compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
      });
      const file = join(folder, `${moduleName(block)}.mjs`);
      writeFileSync(file, `${outputText}\nprocess.exit(0);\n`);
      const { status, stderr } = await runProgram(process.execPath, [file], {
        env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: "2" },
      });
      assert.equal(stderr, "");
      assert.equal(status, 0);
    });
  }
});
