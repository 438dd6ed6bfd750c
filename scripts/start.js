#!/usr/bin/env node
/**
 * The main job: sets up what is missing, then executes the quickstart notebook, headless.
 *
 *   npm start -- [--source NAME] [--target NAME] [--gates input|weight|unit] [--density D] [--shots 1,5,10]
 *                [--hidden 128,64] [--seed S] [--steps N] [--searches N] [--retrainings N] [--engine native|wasm|cpu]
 *                [--gpu | --no-gpu] [--python PATH]
 */
const fs = require("node:fs");
const path = require("node:path");
const { parseArgs } = require("node:util");
const choices = require("./setup/choices.js");
const { environment } = require("./setup/environment.js");
const { SetupError } = require("./setup/errors.js");
const paths = require("./setup/paths.js");
const { run } = require("./run.js");
const { readSettings, settingOptions } = require("./settings.js");
const { runMain, setUp } = require("./setup.js");

const notebook = path.join(paths.root, "notebooks", "01-quickstart.ipynb");
// Where the notebook writes: a quick run has a folder of its own.
const written = process.env.TWOTEMP_QUICK === "1" ? path.join(paths.root, "build", "quick") : paths.root;
const results = path.join(written, "runs", "quickstart");
const summary = path.join(results, "summary.txt");
const figures = path.join(results, "figures.json");

/** @param {string[]} args */
function readArguments(args) {
  try {
    return parseArgs({ args, options: { ...choices.options, ...settingOptions } }).values;
  } catch (error) {
    throw new SetupError(/** @type {Error} */ (error).message);
  }
}

async function main() {
  const given = readArguments(process.argv.slice(2));
  const settings = readSettings(given);
  const chosen = choices.choose(given);
  // An engine that is named here is meant for this run; `npm run setup -- --engine` changes it for good.
  choices.remember({ ...chosen, engine: choices.remembered().engine });
  const { usable, notebooks } = await setUp(chosen);
  if (!usable) throw new SetupError("the main job can't run before the set-up is complete");

  for (const file of [summary, figures]) fs.rmSync(file, { force: true });
  const env = {
    ...environment({ engine: given.engine === undefined ? undefined : chosen.engine }),
    TWOTEMP_SETTINGS: JSON.stringify(settings),
  };
  if (!notebooks) console.log("without Python, the notebook's cells run as a plain script");
  const executed = path.join(results, path.basename(notebook));
  // Without native code, letters take half an hour on a busy machine.
  const patience = ["--limit", String(6 * 3600)];
  const status = notebooks
    ? await run(
        paths.python,
        [path.join(__dirname, "run_notebook.py"), notebook, "--output", executed, ...patience],
        env,
      )
    : await run(process.execPath, [path.join(__dirname, "run_cells.js"), notebook], env);
  if (status !== 0) {
    process.exitCode = status;
    return;
  }
  console.log(`\n${fs.readFileSync(summary, "utf8").trimEnd()}\n`);
  const drawn = /** @type {string[]} */ (JSON.parse(fs.readFileSync(figures, "utf8")));
  console.log(`figures:\n  ${figureLines(drawn).join("\n  ")}`);
  if (notebooks) console.log(`notebook: ${shown(executed)}`);
  console.log("npm run lab opens everything in JupyterLab");
}

/**
 * One line a figure with the forms in which it was written, as in `figures/search (csv, svg, png)`.
 *
 * @param {string[]} files
 */
function figureLines(files) {
  /** @type {Map<string, string[]>} */
  const forms = new Map();
  for (const file of files.map(shown)) {
    const [, stem, form] = /** @type {RegExpMatchArray} */ (file.match(/^(.*?[^/.]+)\.([^/]*)$/));
    forms.set(stem, [...(forms.get(stem) ?? []), form]);
  }
  return [...forms].map(([stem, names]) => `${stem} (${names.join(", ")})`);
}

/** @param {string} file */
const shown = (file) => path.relative(paths.root, path.resolve(paths.root, file));

runMain(main);
