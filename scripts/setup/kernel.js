const fs = require("node:fs");
const path = require("node:path");
const paths = require("./paths.js");
const { writeWhole } = require("./stamp.js");

const file = path.join(paths.venv, "share", "jupyter", "kernels", "twotemp", "kernel.json");

/** The kernel's specification; its paths are absolute, so it is written again when the repository or Node moved. */
function specification() {
  const kernel = {
    argv: [
      process.execPath,
      path.join(paths.root, "scripts", "kernel.js"),
      "kernel",
      "--config-path={connection_file}",
    ],
    display_name: "TypeScript (twotemp)",
    language: "typescript",
    interrupt_mode: "signal",
  };
  return `${JSON.stringify(kernel, null, 2)}\n`;
}

/** The Jupyter kernel "TypeScript (twotemp)", in .venv only. */
module.exports = {
  name: "kernel",
  title: "Jupyter kernel",
  needs: ["packages", "python"],
  without: "the library, the command line and npm start as a plain script; no notebooks",

  isDone: () => fs.existsSync(file) && fs.readFileSync(file, "utf8") === specification(),

  async run() {
    writeWhole(file, specification());
  },
};
