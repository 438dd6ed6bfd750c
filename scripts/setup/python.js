const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const paths = require("./paths.js");
const { command, systemInstall } = require("./command.js");
const { SetupError } = require("./errors.js");
const { fingerprint, isStamped, stamp } = require("./stamp.js");

const requirements = path.join(paths.root, "jupyter", "requirements.txt");
/** @param {import("./choices.js").Choices} choices */
const print = (choices) => fingerprint({ files: [requirements], text: [choices.python ?? ""] });

/**
 * The interpreter from which .venv is made.
 *
 * @param {import("./choices.js").Choices} choices
 * @returns {string}
 */
function interpreter(choices) {
  const question = "import sys; print(sys.executable if sys.version_info >= (3, 9) else '')";
  const tried = choices.python ? [choices.python] : ["python3", "python"];
  const remedy = choices.python
    ? "npm run setup -- --python PATH"
    : systemInstall({ apt: "python3 python3-venv", dnf: "python3", mac: "brew install python" });
  for (const program of tried) {
    const found = spawnSync(program, ["-c", question], { encoding: "utf8" }).stdout?.trim();
    if (found) return found;
  }
  throw new SetupError(`no Python 3.9 or later (tried ${tried.join(", ")})`, remedy);
}

/** Python's packages for JupyterLab and for running notebooks, in .venv. */
module.exports = {
  name: "python",
  title: "Python environment",
  needs: [],
  without: "the library, the command line and npm start as a plain script; no notebooks",

  /** @param {import("./choices.js").Choices} choices */
  isDone: (choices) => fs.existsSync(paths.python) && isStamped("python", print(choices)),

  /** @param {import("./choices.js").Choices} choices */
  async run(choices) {
    const python = interpreter(choices);
    const remedy = systemInstall({ apt: "python3-venv", dnf: "python3-pip", mac: "brew install python" });
    await command("python", python, ["-m", "venv", "--clear", paths.venv], { remedy });
    // The list is complete and leaves out JupyterLab's Python kernel, hence --no-deps.
    const install = ["install", "--no-deps", "--only-binary=:all:", "-r", requirements];
    await command("python", paths.python, pip(install), { remedy: "npm run setup" });
    await command("python", paths.python, ["-c", "import jupyterlab, nbclient, nbconvert"]);
    stamp("python", print(choices));
  },
};

/**
 * Arguments that run pip without touching the home folder.
 *
 * @param {string[]} args
 * @returns {string[]}
 */
function pip(args) {
  return ["-m", "pip", "--no-cache-dir", "--disable-pip-version-check", "--no-input", ...args];
}

module.exports.pip = pip;
