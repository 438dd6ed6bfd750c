const path = require("node:path");
const paths = require("./setup/paths.js");
const { filesBelow } = require("./setup/stamp.js");

/** Where slow tests measure time, or want both cores: each file runs by itself. */
const alone = new Set(["engine", "experiments", "jupyter", "notebooks", "plot", "scripts", "transfer"]);

/** Files of those rooms that take minutes of one core, and hold no time against a limit that company could break. */
const beside = ["scripts/setup", "experiments/resume", "experiments/fuzz"].map((name) => `${name}.slow.test.ts`);

/**
 * Node's arguments that run the compiled tests; those in `*.slow.test.ts` take minutes.
 *
 * @param {{ slow: boolean }} which
 * @returns {string[][]} one run after the other
 */
function testRuns({ slow }) {
  const folder = path.join(paths.root, "test");
  const sources = filesBelow(folder).filter(
    (file) => file.endsWith(".test.ts") && (slow || !file.endsWith(".slow.test.ts")),
  );
  /** @param {string} file */
  const nameOf = (file) => path.relative(folder, file).split(path.sep).join("/");
  /** @param {string} file */
  const isAlone = (file) =>
    file.endsWith(".slow.test.ts") && alone.has(nameOf(file).split("/")[0]) && !beside.includes(nameOf(file));
  // By their sources, as dist/ may still hold tests whose sources are gone.
  /** @param {string} file */
  const compiled = (file) => path.join(paths.root, "dist", path.relative(paths.root, file)).replace(/ts$/, "js");
  /** @param {string[]} files @param {number} concurrency */
  const run = (files, concurrency) => [
    "--test",
    `--test-concurrency=${concurrency}`,
    "--test-reporter=spec",
    ...files.map(compiled),
  ];
  // Most of the time of the others is one core's.
  const together = run(
    sources.filter((file) => !isAlone(file)),
    2,
  );
  return slow ? [together, run(sources.filter(isAlone), 1)] : [together];
}

module.exports = { testRuns };
