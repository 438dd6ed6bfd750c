import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { describe, test } from "node:test";
import ts from "typescript";
import { root } from "../scripts/support.js";
import {
  anchors,
  codeBlocks,
  documents,
  fromRoot,
  internalLinks,
  moduleName,
  modules,
  notebookCode,
  notebooks,
} from "./documents.js";

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

  test("every block names its language", () => {
    for (const document of documents()) {
      const fences = document.text.match(/^```/gm)?.length ?? 0;
      assert.equal(fences, 2 * codeBlocks(document).length, `${document.path}: a block without a language`);
    }
  });

  test("every command that it names exists", () => {
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: object };
    const program = join(root, "scripts", "twotemp.js");
    const help = spawnSync(process.execPath, [program, "--help"], { encoding: "utf8" }).stdout;
    const commands = [...help.matchAll(/^ {2}([a-z][\w-]*)/gm)].map(([, name]) => name);
    assert.ok(commands.includes("doctor"), help);
    let seen = 0;
    for (const { path, text } of [...documents(), ...notebooks()]) {
      for (const [, name] of text.matchAll(/npm run ([\w:-]+)/g)) {
        assert.ok(Object.hasOwn(scripts, name), `${path}: package.json has no script "${name}"`);
        seen++;
      }
      for (const [, name] of text.matchAll(/npx twotemp ([\w-]+)/g)) {
        assert.ok(commands.includes(name), `${path}: there is no command "twotemp ${name}"`);
        seen++;
      }
    }
    assert.ok(seen > 2);
  });

  test("every link into the repository leads somewhere", () => {
    const broken: string[] = [];
    let seen = 0;
    for (const document of [...documents(), ...notebooks()]) {
      for (const link of internalLinks(document)) {
        const [path, anchor] = decodeURIComponent(link).split("#");
        const target = path === "" ? document.path : join(dirname(document.path), path);
        seen++;
        if (!existsSync(join(root, target))) broken.push(`${document.path}: ${link}`);
        else if (anchor !== undefined) {
          const text = path === "" ? document.text : readFileSync(join(root, target), "utf8");
          if (!anchors({ path: target, text }).includes(anchor)) broken.push(`${document.path}: ${link}`);
        }
      }
    }
    assert.ok(seen > 5);
    assert.deepEqual(broken, []);
  });
});
