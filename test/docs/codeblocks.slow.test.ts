import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { spawnSync } from "node:child_process";
import { after, before, describe, test } from "node:test";
import ts from "typescript";
import { root, runProgram } from "../scripts/support.js";
import { needs } from "../support.js";
import { codeBlocks, documents, fromRoot, moduleName, modules, notebookCode } from "./documents.js";

const python = spawnSync("python3", ["--version"]).status === 0;

// Inside the repository, where "twotemp" is the library; what blocks write stays here.
const folder = join(root, "build", "docs-test");

/** What the compiler says of sources that lie in the repository's root, where "twotemp" is the compiled library. */
function diagnose(sources: ReadonlyMap<string, string>): string[] {
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    strict: true,
    skipLibCheck: true,
    noEmit: true,
    types: ["node"],
    lib: ["lib.es2023.d.ts"],
  };
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.getCurrentDirectory = () => root;
  host.fileExists = (file) => sources.has(file) || fileExists(file);
  host.readFile = (file) => sources.get(file) ?? readFile(file);
  host.getSourceFile = (file, target, ...rest) => {
    const source = sources.get(file);
    return source === undefined ? getSourceFile(file, target, ...rest) : ts.createSourceFile(file, source, target);
  };
  const program = ts.createProgram([...sources.keys()], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
    const line = file && start !== undefined ? file.getLineAndCharacterOfPosition(start).line + 1 : 0;
    return `${file ? fromRoot(file.fileName) : ""}, its line ${line}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`;
  });
}

const inRoot = (name: string): string => join(root, `${name}.mts`).replaceAll("\\", "/");

describe("documentation", () => {
  test("every block of TypeScript and every notebook fits the library", () => {
    const blocks = documents().flatMap(modules);
    assert.ok(blocks.length >= 3);
    const sources = new Map(blocks.map((block) => [inRoot(moduleName(block)), block.code]));
    for (const { path, text } of notebookCode()) sources.set(inRoot(basename(path, ".ipynb")), text);
    // One that is wrong, to see that the check sees.
    const wrong = inRoot("wrong");
    sources.set(wrong, 'import * as tt from "twotemp";\nconst density: string = tt.gate(0, 1);\nexport { density };\n');
    assert.deepEqual(diagnose(sources), ["wrong.mts, its line 2: Type 'number' is not assignable to type 'string'."]);
  });
});

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
