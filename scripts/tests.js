const path = require("node:path");
const paths = require("./setup/paths.js");
const { filesBelow } = require("./setup/stamp.js");

/**
 * Node's arguments that run the compiled tests; those in `*.slow.test.ts` take minutes.
 *
 * @param {{ slow: boolean }} which
 * @returns {string[]}
 */
function testArguments({ slow }) {
  const sources = filesBelow(path.join(paths.root, "test")).filter(
    (file) => file.endsWith(".test.ts") && (slow || !file.endsWith(".slow.test.ts")),
  );
  // By their sources, as dist/ may still hold tests whose sources are gone.
  const files = sources.map((file) =>
    path.join(paths.root, "dist", path.relative(paths.root, file)).replace(/ts$/, "js"),
  );
  // Slow tests one file at a time: some measure time or memory. Most of a quick one's time is one core's.
  return ["--test", `--test-concurrency=${slow ? 1 : 2}`, "--test-reporter=spec", ...files];
}

module.exports = { testArguments };
