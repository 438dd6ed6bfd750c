const fs = require("node:fs");
const path = require("node:path");
const paths = require("./paths.js");
const { command } = require("./command.js");

/**
 * The packages of a lock file, by their place in node_modules.
 *
 * @param {string} file
 * @returns {Record<string, { version?: string, link?: boolean, optional?: boolean }>}
 */
function lockedPackages(file) {
  if (!fs.existsSync(file)) return {};
  try {
    return JSON.parse(fs.readFileSync(file, "utf8")).packages ?? {};
  } catch {
    return {};
  }
}

/** npm's packages: done when npm's own record of node_modules agrees with the lock file. */
module.exports = {
  name: "packages",
  title: "npm packages",
  essential: true,
  needs: [],
  without: "nothing",

  isDone() {
    const wanted = lockedPackages(path.join(paths.root, "package-lock.json"));
    const present = lockedPackages(path.join(paths.modules, ".package-lock.json"));
    return Object.entries(wanted).every(
      ([place, { version, link, optional }]) =>
        place === "" ||
        optional ||
        ((link || present[place]?.version === version) && fs.existsSync(path.join(paths.root, place, "package.json"))),
    );
  },

  async run() {
    // npm's cache stays inside the repository, and is gone afterwards.
    const cache = path.join(paths.build, "npm-cache");
    const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--cache", cache];
    try {
      await command("packages", "npm", args, { remedy: "npm ci" });
    } finally {
      fs.rmSync(cache, { recursive: true, force: true });
    }
  },
};
