#!/usr/bin/env node
/** `node scripts/keras.js`: real Keras in build/keras, for the tests that exchange models with Python (1 GB). */
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const { root } = require("./setup/paths.js");

const folder = path.join(root, "build", "keras");
const python = path.join(folder, "bin", "python");
// The version that the native engine is built against, without the hashes: here pip resolves what it needs.
const pinned = fs.readFileSync(path.join(__dirname, "setup", "tensorflow.txt"), "utf8");
const wheels = (pinned.match(/^tensorflow\S*==\S+ ;[^\\\n]*/gm) ?? []).map((line) => line.trim());

/** @param {string} program @param {string[]} args */
function run(program, args) {
  const { status } = spawnSync(program, args, { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

if (fs.existsSync(python) && spawnSync(python, ["-c", "import keras"]).status === 0) {
  console.log("Keras is there: build/keras");
} else {
  run("python3", ["-m", "venv", "--clear", folder]);
  run(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-cache-dir", ...wheels]);
  console.log("Keras is in build/keras");
}
