const fs = require("node:fs");
const path = require("node:path");
const paths = require("./paths.js");
const { fingerprint, isStamped, stamp } = require("./stamp.js");

const source = path.join(paths.root, "jupyter", "renderer");
const settings = path.join(paths.root, "jupyter", "settings.json");
const plotly = path.join(paths.modules, "plotly.js-dist");
const share = path.join(paths.venv, "share", "jupyter");
const extension = path.join(share, "labextensions", "twotemp-figures");

/** The stamp names .venv's creation, since a new .venv lacks the extension. */
function print() {
  const made = fs.statSync(path.join(paths.venv, "pyvenv.cfg"), { throwIfNoEntry: false })?.mtimeMs;
  return fingerprint({ files: [source, settings, path.join(plotly, "package.json")], text: [String(made)] });
}

/** JupyterLab's figure renderer, which redraws a figure in place, and JupyterLab's default settings. */
module.exports = {
  name: "renderer",
  title: "figure renderer for JupyterLab",
  needs: ["packages", "python"],
  without: "notebooks; their figures show as stills",

  isDone: () => fs.existsSync(path.join(extension, "package.json")) && isStamped("renderer", print()),

  async run() {
    const partial = `${extension}.partial`;
    fs.rmSync(partial, { recursive: true, force: true });
    fs.cpSync(source, partial, { recursive: true });
    fs.copyFileSync(path.join(plotly, "plotly.js"), path.join(partial, "static", "plotly.js"));
    fs.rmSync(extension, { recursive: true, force: true });
    fs.renameSync(partial, extension);
    fs.mkdirSync(path.join(share, "lab", "settings"), { recursive: true });
    fs.copyFileSync(settings, path.join(share, "lab", "settings", "overrides.json"));
    stamp("renderer", print());
  },
};
