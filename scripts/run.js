const { spawn } = require("node:child_process");
const { constants } = require("node:os");
const paths = require("./setup/paths.js");

/**
 * Runs a program on the user's terminal, which sends Ctrl-C to it too; what else asks this process to end is passed on.
 *
 * @param {string} program
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<number>} its exit status; 128 plus the signal's number when a signal ended it
 */
async function run(program, args, env = process.env) {
  /** @type {NodeJS.Signals | undefined} */
  let received;
  const wait = () => {};
  /** @param {NodeJS.Signals} signal */
  const forward = (signal) => {
    received = signal;
    child.kill(signal);
  };
  process.on("SIGINT", wait).on("SIGTERM", forward).on("SIGHUP", forward);
  const child = spawn(program, args, { cwd: paths.root, env, stdio: "inherit" });
  try {
    return await new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (status, signal) => {
        const ending = received ?? signal;
        resolve(ending ? 128 + constants.signals[ending] : (status ?? 1));
      });
    });
  } finally {
    process.off("SIGINT", wait).off("SIGTERM", forward).off("SIGHUP", forward);
  }
}

module.exports = { run };
