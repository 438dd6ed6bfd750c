#!/usr/bin/env node
/** `npm run check`: types, lint, format and the quick tests, in under two minutes on two cores. */
const { spawn } = require("node:child_process");
const path = require("node:path");
const { environment } = require("./setup/environment.js");
const paths = require("./setup/paths.js");
const { filesBelow } = require("./setup/stamp.js");
const { run } = require("./run.js");
const { runMain } = require("./setup.js");
const { testRuns } = require("./tests.js");

const tool = (/** @type {string[]} */ ...parts) => path.join(paths.modules, ...parts);
const scripts = filesBelow(__dirname).filter((file) => file.endsWith(".js"));
const strictScripts = ["--noEmit", "--allowJs", "--checkJs", "--strict"];
const forNode = ["--target", "es2022", "--module", "nodenext", "--types", "node"];

/** What the tools remember of files that haven't changed. */
const kept = (/** @type {string} */ name) => path.join(paths.build, "check", name);
const cache = (/** @type {string} */ name) => [
  "--cache",
  "--cache-strategy",
  "content",
  "--cache-location",
  kept(name),
];
const incremental = ["--incremental", "--tsBuildInfoFile", kept("scripts.tsbuildinfo")];

/** Checks that don't depend on one another, in the order in which they begin. */
const checks = {
  types: [tool("typescript", "bin", "tsc"), "-p", "."],
  "types of scripts": [tool("typescript", "bin", "tsc"), ...strictScripts, ...forNode, ...incremental, ...scripts],
  format: [tool("prettier", "bin", "prettier.cjs"), ...cache("prettier"), "--check", "--log-level", "warn", "."],
  lint: [tool("eslint", "bin", "eslint.js"), ...cache("eslint"), "."],
};

/** @type {string[]} */
const failed = [];

/**
 * Says how a check ended.
 *
 * @param {string} name
 * @param {number} begun
 * @param {number | null} status
 */
function report(name, begun, status) {
  if (status !== 0) failed.push(name);
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  console.log(`${name}: ${status === 0 ? "passed" : "FAILED"} in ${seconds} s`);
}

/**
 * Runs a check beside others; what it says is printed when it ends, so that it isn't mixed with theirs.
 *
 * @param {string} name
 * @param {string[]} args
 */
async function runBeside(name, args) {
  const begun = performance.now();
  const child = spawn(process.execPath, args, {
    cwd: paths.root,
    env: environment(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (said += text));
  const status = await new Promise((resolve, reject) => child.on("error", reject).on("close", resolve));
  process.stdout.write(said);
  report(name, begun, status);
}

runMain(async () => {
  const started = performance.now();
  const waiting = Object.entries(checks);
  console.log(`${waiting.map(([name]) => name).join(", ")} ...`);
  // Two at a time, each of which takes one core.
  const oneByOne = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await runBeside(...next);
  };
  await Promise.all([oneByOne(), oneByOne()]);

  // The tests are those that "types" has compiled.
  const begun = performance.now();
  console.log("quick tests ...");
  report("quick tests", begun, await run(process.execPath, testRuns({ slow: false })[0], environment()));

  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  console.log(
    failed.length === 0 ? `all checks passed in ${seconds} s` : `failed: ${failed.join(", ")} (${seconds} s)`,
  );
  if (failed.length > 0) process.exitCode = 1;
});
