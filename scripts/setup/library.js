const fs = require("node:fs");
const path = require("node:path");
const paths = require("./paths.js");
const { command } = require("./command.js");
const { filesBelow, fingerprint, isStamped, stamp } = require("./stamp.js");

const dist = path.join(paths.root, "dist");
const entry = path.join(dist, "lib", "index.js");
const folders = ["lib", "test", "bench"];

function print() {
  const files = [...folders, "tsconfig.json"].map((name) => path.join(paths.root, name));
  return fingerprint({ files: [...files, path.join(paths.modules, "typescript", "package.json")] });
}

/** Removes what was compiled from sources that are gone, so that no test of the past is run. */
function sweep() {
  for (const file of folders.flatMap((name) => filesBelow(path.join(dist, name)))) {
    const source = path.join(paths.root, path.relative(dist, file)).replace(/(\.d)?\.(js|ts)$/, ".ts");
    if (!fs.existsSync(source)) fs.rmSync(file);
  }
}

/** The library, its tests and its benchmarks, compiled to dist/. */
module.exports = {
  name: "library",
  title: "library",
  essential: true,
  needs: ["packages"],
  without: "nothing",

  isDone: () => fs.existsSync(entry) && isStamped("library", print()),

  async run() {
    const before = print();
    // The compiler notes last what it wrote; of a dist/ that was emptied since, it doesn't know.
    if (!fs.existsSync(entry)) fs.rmSync(path.join(dist, ".tsbuildinfo"), { force: true });
    const compiler = path.join(paths.modules, "typescript", "bin", "tsc");
    await command("library", process.execPath, [compiler, "-p", paths.root], { remedy: "npm run build" });
    sweep();
    stamp("library", before);
  },
};
