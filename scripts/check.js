#!/usr/bin/env node
/** `npm run check`: types, lint and the quick tests, in under two minutes. */
const path = require("node:path");
const { environment } = require("./setup/environment.js");
const paths = require("./setup/paths.js");
const { filesBelow } = require("./setup/stamp.js");
const { run } = require("./run.js");
const { runMain } = require("./setup.js");
const { testArguments } = require("./tests.js");

const tool = (/** @type {string[]} */ ...parts) => path.join(paths.modules, ...parts);
const scripts = filesBelow(__dirname).filter((file) => file.endsWith(".js"));
const strictScripts = ["--noEmit", "--allowJs", "--checkJs", "--strict", "--target", "es2022", "--types", "node"];

/** @type {[string, () => string[]][]} */
const checks = [
  ["types", () => [tool("typescript", "bin", "tsc"), "-p", "."]],
  ["types of scripts", () => [tool("typescript", "bin", "tsc"), ...strictScripts, "--module", "nodenext", ...scripts]],
  ["lint", () => [tool("eslint", "bin", "eslint.js"), "."]],
  ["format", () => [tool("prettier", "bin", "prettier.cjs"), "--check", "--log-level", "warn", "."]],
  ["quick tests", () => testArguments({ slow: false })],
];

runMain(async () => {
  const started = performance.now();
  const failed = [];
  for (const [name, args] of checks) {
    const begun = performance.now();
    console.log(`${name} ...`);
    const status = await run(process.execPath, args(), environment());
    if (status !== 0) failed.push(name);
    console.log(
      `${name}: ${status === 0 ? "passed" : "FAILED"} in ${((performance.now() - begun) / 1000).toFixed(1)} s`,
    );
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  console.log(
    failed.length === 0 ? `all checks passed in ${seconds} s` : `failed: ${failed.join(", ")} (${seconds} s)`,
  );
  if (failed.length > 0) process.exitCode = 1;
});
