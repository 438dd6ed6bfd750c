const fs = require("node:fs");
const path = require("node:path");
const { setTimeout: sleep } = require("node:timers/promises");
const paths = require("./paths.js");

const file = path.join(paths.build, "setup.lock");

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
 * Runs `work` while no other set-up of this repository runs; the lock of one that was killed is taken over.
 *
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
async function alone(work) {
  fs.mkdirSync(paths.build, { recursive: true });
  for (let told = false; ; await sleep(200)) {
    try {
      fs.writeFileSync(file, String(process.pid), { flag: "wx" });
      break;
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EEXIST") throw error;
    }
    const owner = Number(readIfThere(file));
    if (owner > 0 && !isAlive(owner)) fs.rmSync(file, { force: true });
    else if (!told) {
      console.log(`waiting for another set-up of this repository (process ${owner})`);
      told = true;
    }
  }
  const release = () => fs.rmSync(file, { force: true });
  process.once("exit", release);
  try {
    return await work();
  } finally {
    process.removeListener("exit", release);
    release();
  }
}

/** @param {string} place */
function readIfThere(place) {
  try {
    return fs.readFileSync(place, "utf8");
  } catch {
    return "";
  }
}

module.exports = { alone };
