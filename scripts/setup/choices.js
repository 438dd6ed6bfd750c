const fs = require("node:fs");
const path = require("node:path");
const { parseArgs } = require("node:util");
const paths = require("./paths.js");
const { SetupError } = require("./errors.js");
const { writeWhole } = require("./stamp.js");

/**
 * What the user chose; kept in build/engine.json, which `ready()` reads too, until they choose again.
 *
 * @typedef {object} Choices
 * @property {"native" | "wasm" | "cpu"} engine - the fastest engine to set up and to use
 * @property {boolean} gpu - whether the native engine is TensorFlow's CUDA build
 * @property {string | undefined} python - the interpreter from which .venv is made
 */

const file = path.join(paths.build, "engine.json");
const engines = ["native", "wasm", "cpu"];

/** The options of the set-up, for `parseArgs`. */
const options = /** @type {const} */ ({
  engine: { type: "string" },
  gpu: { type: "boolean" },
  "no-gpu": { type: "boolean" },
  python: { type: "string" },
});

/** @returns {Choices} */
function remembered() {
  const defaults = { engine: "native", gpu: false, python: undefined };
  try {
    return { ...defaults, ...JSON.parse(fs.readFileSync(file, "utf8")) };
  } catch {
    return /** @type {Choices} */ (defaults);
  }
}

/**
 * The remembered choices, changed by flags.
 *
 * @param {{ engine?: string, gpu?: boolean, "no-gpu"?: boolean, python?: string }} flags
 * @returns {Choices}
 * @throws {SetupError} on an unknown engine or an interpreter that doesn't exist
 */
function choose(flags) {
  const choices = remembered();
  if (flags.engine !== undefined) {
    if (!engines.includes(flags.engine)) {
      throw new SetupError(`--engine must be ${engines.join(", ")}, got ${flags.engine}`);
    }
    choices.engine = /** @type {Choices["engine"]} */ (flags.engine);
  }
  if (flags["no-gpu"]) choices.gpu = false;
  if (flags.gpu) {
    if (process.platform !== "linux" || process.arch !== "x64") throw new SetupError("--gpu needs Linux on x86-64");
    choices.gpu = true;
    choices.engine = "native";
  }
  if (flags.python !== undefined) {
    const isPath = flags.python.includes(path.sep);
    if (isPath && !fs.existsSync(flags.python)) throw new SetupError(`--python ${flags.python}: no such file`);
    choices.python = isPath ? path.resolve(flags.python) : flags.python;
  }
  return choices;
}

/** @param {Choices} choices */
function remember({ engine, gpu, python }) {
  // An engine that is named is used without falling back, so the native one, tried first by itself, isn't named.
  const named = engine === "native" ? undefined : engine;
  const text = `${JSON.stringify({ engine: named, gpu, python }, null, 2)}\n`;
  if (!fs.existsSync(file) || fs.readFileSync(file, "utf8") !== text) writeWhole(file, text);
}

/**
 * The options of the set-up from a command line that has no others.
 *
 * @param {string[]} args
 * @returns {Choices}
 */
function fromCommandLine(args) {
  try {
    return choose(parseArgs({ args, options }).values);
  } catch (error) {
    throw new SetupError(/** @type {Error} */ (error).message);
  }
}

module.exports = { options, remembered, choose, remember, fromCommandLine };
