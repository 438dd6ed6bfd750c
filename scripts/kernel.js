#!/usr/bin/env node
/** The Jupyter kernel "TypeScript (twotemp)": tslab with the chosen engine and without TensorFlow's log lines. */
const path = require("node:path");
const { environment } = require("./setup/environment.js");
const { modules } = require("./setup/paths.js");

const { TWOTEMP_ENGINE } = environment();
if (TWOTEMP_ENGINE) process.env.TWOTEMP_ENGINE = TWOTEMP_ENGINE;
process.env.TF_CPP_MIN_LOG_LEVEL ??= "2";
require(path.join(modules, "tslab", "dist", "main.js")).main();
