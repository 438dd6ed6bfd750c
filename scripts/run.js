const { spawn } = require("node:child_process");
const paths = require("./setup/paths.js");

/**
 * Runs a program on the user's terminal; Ctrl-C is left to it.
 *
 * @param {string} program
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<number>} its exit status
 */
async function run(program, args, env = process.env) {
  const wait = () => {};
  process.on("SIGINT", wait);
  try {
    const child = spawn(program, args, { cwd: paths.root, env, stdio: "inherit" });
    return await new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (status, signal) => resolve(status ?? (signal === "SIGINT" ? 130 : 1)));
    });
  } finally {
    process.off("SIGINT", wait);
  }
}

module.exports = { run };
