#!/usr/bin/env node
/**
 * `npm run lab`: opens JupyterLab on the notebooks, with the project's kernel only.
 *
 *   npm run lab -- [options of jupyter lab, such as --no-browser --port 8899]
 */
const path = require("node:path");
const { environment } = require("./setup/environment.js");
const { remembered } = require("./setup/choices.js");
const { SetupError } = require("./setup/errors.js");
const paths = require("./setup/paths.js");
const { run } = require("./run.js");
const { runMain, setUp } = require("./setup.js");

runMain(async () => {
  const { usable, notebooks } = await setUp(remembered());
  if (!usable || !notebooks) throw new SetupError("JupyterLab can't run before the set-up is complete");
  const env = { ...environment(), JUPYTER_CONFIG_PATH: path.join(paths.root, "jupyter", "config") };
  const args = ["-m", "jupyterlab", `--ServerApp.root_dir=${paths.root}`, "--LabApp.default_url=/lab/tree/notebooks"];
  // As root, in a container, Jupyter wants to be told that this is meant.
  if (process.getuid?.() === 0) args.push("--allow-root");
  process.exitCode = await run(paths.python, [...args, ...process.argv.slice(2)], env);
});
