const { randomUUID } = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const { setTimeout: sleep } = require("node:timers/promises");
const { endCommands } = require("./command.js");
const paths = require("./paths.js");

const file = path.join(paths.build, "setup.lock");
const signals = /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"]);

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === "EPERM";
  }
}

/**
 * The process that a lock names, or 0.
 *
 * @param {string} place
 */
function ownerOf(place) {
  try {
    return Number(fs.readFileSync(place, "utf8")) || 0;
  } catch {
    return 0;
  }
}

/** @param {string} place */
function isAbandoned(place) {
  const owner = ownerOf(place);
  // Process numbers repeat in containers: this one's belongs to an earlier process.
  if (owner > 0) return owner === process.pid || !isAlive(owner);
  // A lock names nobody for the moment between its opening and its writing, or since its owner was killed then.
  const status = fs.statSync(place, { throwIfNoEntry: false });
  return status !== undefined && Date.now() - status.mtimeMs > 5000;
}

/**
 * Whether an action succeeds; it fails as expected when another process was faster.
 *
 * @param {() => void} action
 * @param {string} expected - the code of the error
 */
function succeeds(action, expected) {
  try {
    action();
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== expected) throw error;
    return false;
  }
}

/** Removes an abandoned lock, but not the one that another waiting set-up may have put in its place meanwhile. */
function removeAbandoned() {
  const aside = `${file}.${randomUUID()}`;
  if (!succeeds(() => fs.renameSync(file, aside), "ENOENT")) return;
  if (!isAbandoned(aside)) succeeds(() => fs.linkSync(aside, file), "EEXIST");
  fs.rmSync(aside);
}

/**
 * Runs `work` while no other set-up of this repository runs; the lock of one that was killed is taken over.
 *
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
async function alone(work) {
  fs.mkdirSync(paths.build, { recursive: true });
  for (let told = false; ; await sleep(200)) {
    if (succeeds(() => fs.writeFileSync(file, String(process.pid), { flag: "wx" }), "EEXIST")) break;
    const owner = ownerOf(file);
    if (isAbandoned(file)) removeAbandoned();
    else if (owner > 0 && !told) {
      console.log(
        `waiting for another set-up of this repository (process ${owner}; if it is none, remove build/setup.lock)`,
      );
      told = true;
    }
  }
  const release = () => {
    if (ownerOf(file) === process.pid) fs.rmSync(file, { force: true });
  };
  /** @param {NodeJS.Signals} signal */
  const end = (signal) => {
    endCommands();
    release();
    // Nobody listens any more, so that this ends the process.
    process.kill(process.pid, signal);
  };
  process.once("exit", release);
  for (const signal of signals) process.once(signal, end);
  try {
    return await work();
  } finally {
    process.off("exit", release);
    for (const signal of signals) process.off(signal, end);
    release();
  }
}

module.exports = { alone };
