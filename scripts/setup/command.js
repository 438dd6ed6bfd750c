const { spawn, spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const paths = require("./paths.js");
const { SetupError } = require("./errors.js");

/** @type {Set<import("node:child_process").ChildProcess>} */
const running = new Set();

/** Ends the commands under way, for a set-up that is told to end. */
function endCommands() {
  for (const child of running) child.kill();
}

/**
 * Runs a command with its output in the step's log.
 *
 * @param {string} log - name of the log in build/setup
 * @param {string} program
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, remedy?: string }} [options]
 * @returns {Promise<string>} what it wrote on standard output
 * @throws {SetupError} when it can't be started or fails
 */
async function command(log, program, args, { env = process.env, remedy } = {}) {
  fs.mkdirSync(paths.setup, { recursive: true });
  const file = path.join(paths.setup, `${log}.log`);
  fs.appendFileSync(file, `\n$ ${[program, ...args].join(" ")}\n`);
  const child = spawn(program, args, { cwd: paths.root, env, stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  let output = "";
  let everything = "";
  child.stdout.on("data", (data) => (output += data));
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data) => {
      everything += data;
      fs.appendFileSync(file, data);
    });
  }
  const ended = await new Promise((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("close", (status, signal) => resolve(status === 0 ? undefined : `ended with ${signal ?? status}`));
  });
  running.delete(child);
  if (ended === undefined) return output;
  const lines = everything.split("\n").filter((line) => line.trim());
  // What keeps a download from succeeding says more than what was then not found.
  const cause = lines.find((line) =>
    /connection|timed out|resolve host|certificate|no space left|ENOTFOUND/i.test(line),
  );
  const telling = cause ?? lines.filter((line) => /error/i.test(line)).at(-1) ?? lines.at(-1) ?? "";
  const where = path.relative(paths.root, file);
  throw new SetupError(`${path.basename(program)} ${ended}: ${telling.trim().slice(0, 200)} (see ${where})`, remedy);
}

/**
 * Whether a program can be started.
 *
 * @param {string} program
 * @param {string[]} args - arguments with which it ends at once
 * @returns {boolean}
 */
function runs(program, args) {
  return spawnSync(program, args, { stdio: "ignore" }).status === 0;
}

/**
 * The command that installs a system package on this machine.
 *
 * @param {{ apt: string, dnf: string, mac: string }} names - the package's name for each package manager
 * @returns {string}
 */
function systemInstall(names) {
  if (process.platform === "darwin") return names.mac;
  const sudo = process.getuid?.() === 0 ? "" : "sudo ";
  return runs("dnf", ["--version"]) ? `${sudo}dnf install -y ${names.dnf}` : `${sudo}apt-get install -y ${names.apt}`;
}

module.exports = { command, endCommands, runs, systemInstall };
