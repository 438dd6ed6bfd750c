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
  // One file at a time: TensorFlow uses every core, and some tests measure time.
  return ["--test", "--test-concurrency=1", "--test-reporter=spec", ...files];
}

module.exports = { testArguments };
