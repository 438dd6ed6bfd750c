#!/usr/bin/env node
/** The Jupyter kernel "TypeScript (twotemp)": the project's tslab without TensorFlow's log lines. */
const path = require("node:path");
const { modules } = require("./setup/paths.js");

process.env.TF_CPP_MIN_LOG_LEVEL ??= "2";
require(path.join(modules, "tslab", "dist", "main.js")).main();
