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
  const compiled = filesBelow(path.join(paths.root, "dist", "test"));
  const files = compiled.filter((file) => file.endsWith(".test.js") && (slow || !file.endsWith(".slow.test.js")));
  // Slow tests one file at a time: some measure time or memory. Most of a quick one's time is one core's.
  return ["--test", `--test-concurrency=${slow ? 1 : 2}`, "--test-reporter=spec", ...files];
}

module.exports = { testArguments };
