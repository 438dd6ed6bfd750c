#!/usr/bin/env node
/**
 * Runs a notebook's code cells as one plain script: the main job on a machine without Python.
 *
 *   node scripts/run_cells.js NOTEBOOK
 */
const fs = require("node:fs");
const { createRequire } = require("node:module");
const path = require("node:path");
const vm = require("node:vm");
const ts = require("typescript");

/**
 * The cells as one async function's JavaScript; each announces itself before it runs.
 *
 * @param {string[]} cells
 * @param {string} file
 * @returns {string}
 */
function compile(cells, file) {
  const source = cells.map((cell, index) => `__announce(${index});\n${cell}`).join("\n");
  const { outputText, diagnostics = [] } = ts.transpileModule(source, {
    fileName: file,
    reportDiagnostics: true,
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.CommonJS, esModuleInterop: true },
  });
  if (diagnostics.length > 0) throw new Error(ts.flattenDiagnosticMessageText(diagnostics[0].messageText, "\n"));
  return `(async (exports, require, __announce) => {${outputText}\n})`;
}

/** @param {string} notebook */
async function main(notebook) {
  const file = path.resolve(notebook);
  process.chdir(path.dirname(file));
  const { cells } = JSON.parse(fs.readFileSync(file, "utf8"));
  const code = cells
    .filter((/** @type {{ cell_type: string }} */ cell) => cell.cell_type === "code")
    .map((/** @type {{ source: string | string[] }} */ cell) => [cell.source].flat().join(""));
  const started = performance.now();
  const announce = (/** @type {number} */ index) => {
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`cell ${index + 1}/${code.length} after ${seconds} s: ${code[index].split("\n")[0].slice(0, 70)}`);
  };
  const script = vm.runInThisContext(compile(code, file), {
    filename: `${file}.js`,
    importModuleDynamically: undefined,
  });
  await script({}, createRequire(file), announce);
}

main(process.argv[2]).catch((error) => {
  console.error(error);
  process.exit(1);
});
