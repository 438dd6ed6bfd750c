const path = require("node:path");

/** The repository; everything that set-up writes lies inside it. */
const root = path.resolve(__dirname, "..", "..");
const venv = path.join(root, ".venv");

module.exports = {
  root,
  venv,
  /** The interpreter of the project's own Python environment. */
  python: path.join(venv, "bin", "python"),
  build: path.join(root, "build"),
  /** Stamps and logs of the steps. */
  setup: path.join(root, "build", "setup"),
  modules: path.join(root, "node_modules"),
};
