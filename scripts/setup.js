#!/usr/bin/env node
/**
 * Sets up everything inside the repository: npm's packages, Python's packages in .venv, the native engine, the Jupyter kernel, the
 * figure renderer and the compiled library. Does only what is not yet done; run it again after an interruption.
 *
 *   npm run setup -- [--engine native|wasm|cpu] [--gpu | --no-gpu] [--python PATH]
 */
const { takeSteps, seconds } = require("./setup/steps.js");
const { alone } = require("./setup/lock.js");
const { fromCommandLine, remember } = require("./setup/choices.js");

const steps = {
  packages: require("./setup/packages.js"),
  python: require("./setup/python.js"),
  tensorflow: require("./setup/tensorflow.js"),
  binding: require("./setup/binding.js"),
  library: require("./setup/library.js"),
  kernel: require("./setup/kernel.js"),
  renderer: require("./setup/renderer.js"),
};

/**
 * Sets up what the choices ask for.
 *
 * @param {import("./setup/choices.js").Choices} choices
 * @returns {Promise<{ usable: boolean, notebooks: boolean }>} whether the library works, and whether notebooks do
 */
async function setUp(choices) {
  const started = performance.now();
  const { packages, python, tensorflow, binding, library, kernel, renderer } = steps;
  const native = choices.engine === "native" ? [tensorflow, binding] : [];
  /** @type {import("./setup/steps.js").Step[]} */
  const wanted = [packages, python, ...native, library, kernel, renderer];
  const { done, failed } = await alone(() => takeSteps(wanted, choices));
  console.log(failed.length > 0 ? "set-up: incomplete, see above" : `set-up: complete (${seconds(started)})`);
  return { usable: !failed.some((step) => step.essential), notebooks: done.has("kernel") };
}

/** @param {() => Promise<void>} main */
function runMain(main) {
  main().catch((error) => {
    console.error(error.name === "SetupError" ? `twotemp: ${error.message}` : error);
    process.exitCode = 1;
  });
}

if (require.main === module) {
  runMain(async () => {
    if (process.platform === "win32") throw new Error("on Windows, use the Windows Subsystem for Linux");
    const choices = fromCommandLine(process.argv.slice(2));
    remember(choices);
    const { usable } = await setUp(choices);
    if (!usable) process.exitCode = 1;
  });
}

module.exports = { setUp, runMain };
