import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, test } from "node:test";
import ts from "typescript";
import { root } from "../scripts/support.js";

interface Cell {
  readonly cell_type: "code" | "markdown";
  readonly source: string | readonly string[];
  readonly execution_count?: number | null;
  readonly outputs?: readonly { readonly output_type: string; readonly name?: string }[];
}

const names = readdirSync(join(root, "notebooks"))
  .filter((name) => name.endsWith(".ipynb"))
  .sort();

const cellsOf = (name: string): readonly Cell[] =>
  (JSON.parse(readFileSync(join(root, "notebooks", name), "utf8")) as { cells: Cell[] }).cells;
const textOf = ({ source }: Cell): string => [source].flat().join("");
const codeOf = (name: string): string[] => cellsOf(name).flatMap((cell) => (cell.cell_type === "code" ? [textOf(cell)] : []));

/** `about a minute on two cores` is `a minute`. */
const duration = (text: string): string | undefined =>
  /((?:under )?(?:half )?(?:an? |two |three |five |seven |ten )minutes?)/.exec(text)?.[1];

/** Where a cell defines a class: the notebook that teaches how. */
const classes = ["05-search-spaces.ipynb"];

/**
 * What of a cell belongs in the library: branches, loops that count or hold more than three statements or another loop,
 * functions with a name, or that are more than one expression.
 */
function logic(code: string): string[] {
  const file = ts.createSourceFile("cell.ts", code, ts.ScriptTarget.ES2022, true);
  const found: string[] = [];
  const visit = (node: ts.Node, looping: boolean): void => {
    const tell = (what: string): void => void found.push(`${what}: ${node.getText(file).split("\n")[0]}`);
    if (ts.isClassLike(node)) return tell("class");
    if (ts.isIfStatement(node) || ts.isSwitchStatement(node) || ts.isTryStatement(node)) tell("branch");
    if (ts.isForStatement(node) || ts.isForInStatement(node) || ts.isWhileStatement(node) || ts.isDoStatement(node)) {
      tell("loop that counts");
    }
    if (ts.isForOfStatement(node)) {
      const statements = ts.isBlock(node.statement) ? node.statement.statements.length : 1;
      // The figures of a table are a loop of one line.
      if (statements > 3 || (looping && ts.isBlock(node.statement))) tell("long loop");
    }
    const named = ts.isVariableDeclaration(node) && node.initializer && ts.isArrowFunction(node.initializer);
    if (named || ts.isFunctionDeclaration(node) || ts.isFunctionExpression(node)) tell("function");
    if (ts.isArrowFunction(node) && ts.isBlock(node.body)) tell("function of several statements");
    node.forEachChild((child) => visit(child, looping || ts.isForOfStatement(node)));
  };
  visit(file, false);
  return found;
}

describe("notebooks", () => {
  test("are numbered from 00, each in its title too", () => {
    assert.ok(names.length > 5);
    names.forEach((name, i) => {
      const number = String(i).padStart(2, "0");
      assert.ok(name.startsWith(`${number}-`), name);
      assert.ok(textOf(cellsOf(name)[0]).startsWith(`# ${number} · `), name);
    });
  });

  test("the rule about logic finds it", () => {
    assert.deepEqual(logic("for (const run of runs) await run.run();\nawait tt.show(runs.map((run) => run.seed));"), []);
    const bad = ["if (a) b();", "for (let i = 0; i < 3; i++) f(i);", "const f = (a: number) => a;", "g((a) => {\n  return a;\n});", "class A {}"];
    for (const code of bad) assert.equal(logic(code).length, 1, code);
    assert.equal(logic("for (const a of b) {\n  for (const c of a) {\n    c();\n  }\n}").length, 1);
  });

  for (const name of names) {
    describe(name, () => {
      const cells = cellsOf(name);
      const code = codeOf(name);

      test("opens with what it shows, how long it takes and what it needs", () => {
        assert.equal(cells[0].cell_type, "markdown");
        assert.match(textOf(cells[0]), /\n\n\*\*You will\*\* [^]*\n\n\*\*Takes\*\* [^]* \*\*Needs\*\* /);
      });

      test("has one flat block of settings, a comment each", () => {
        const blocks = code.flatMap((text) => [...text.matchAll(/tt\.settings\(\{\n([^]*?)\n\}(?:, \{.*\})?\);/g)]);
        assert.equal(blocks.length, 1);
        for (const line of blocks[0][1].split("\n")) assert.match(line, /^ {2}\w+: .+, +\/\/ \S/);
      });

      test("holds no logic", () => {
        const found = code.flatMap(logic).filter((what) => !(classes.includes(name) && what.startsWith("class")));
        assert.deepEqual(found, []);
      });

      test("shows how far long work has come", () => {
        const silent = code.flatMap((text) =>
          text.split(/;\n/).filter(
            (statement) =>
              /tt\.(searches|transfer|compareEstimators)\(|\.run\(/.test(statement) &&
              !/onProgress: tt\.progressBar\(\)|onStep: tt\.live\.search\(\)/.test(statement),
          ),
        );
        assert.deepEqual(silent, []);
      });

      test("is committed as it was executed, from top to bottom, without an error", () => {
        const run = cells.filter((cell) => cell.cell_type === "code");
        assert.deepEqual(
          run.map(({ execution_count: count }) => count),
          run.map((_, i) => i + 1),
        );
        const bad = run.flatMap(({ outputs = [] }) =>
          outputs.filter((output) => output.output_type === "error" || output.name === "stderr"),
        );
        assert.deepEqual(bad, []);
      });
    });
  }

  test("stand in the index of the first, with the time that they say they take", () => {
    const index = textOf(cellsOf(names[0])[0]);
    const rows = [...index.matchAll(/^\| \[(\d\d) .+?\]\((.+?)\) \|.*\| (.+?) \|$/gm)];
    assert.deepEqual(
      rows.map(([, , file]) => file),
      names.slice(1),
    );
    for (const [, number, file, takes] of rows) {
      assert.ok(basename(file).startsWith(number), file);
      const said = duration(/\*\*Takes\*\* ([^.]*)\./.exec(textOf(cellsOf(file)[0]))?.[1] ?? "");
      assert.ok(said !== undefined, `${file} says no time`);
      assert.equal(takes, said, file);
    }
  });
});
