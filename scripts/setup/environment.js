const path = require("node:path");
const paths = require("./paths.js");

/**
 * The environment of a program that the project starts: the engine of this run, and Jupyter's folders inside the repository, so
 * that the user's own configuration and kernels stay untouched.
 *
 * @param {{ engine?: "native" | "wasm" | "cpu" }} [choices] - the engine that was set up by default
 * @returns {NodeJS.ProcessEnv}
 */
function environment({ engine } = {}) {
  const jupyter = path.join(paths.build, "jupyter");
  /** @type {NodeJS.ProcessEnv} */
  const env = {
    ...process.env,
    JUPYTER_CONFIG_DIR: path.join(jupyter, "config"),
    JUPYTER_DATA_DIR: path.join(jupyter, "data"),
    JUPYTER_RUNTIME_DIR: path.join(jupyter, "runtime"),
    JUPYTERLAB_SETTINGS_DIR: path.join(jupyter, "settings"),
    JUPYTERLAB_WORKSPACES_DIR: path.join(jupyter, "workspaces"),
    JUPYTER_PLATFORM_DIRS: "0",
    JUPYTER_PREFER_ENV_PATH: "1",
    PYTHONNOUSERSITE: "1",
  };
  if (engine) env.TWOTEMP_ENGINE = engine;
  return env;
}

module.exports = { environment };
