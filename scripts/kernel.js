#!/usr/bin/env node
/** The Jupyter kernel "TypeScript (twotemp)": the project's tslab without TensorFlow's log lines. */
const path = require("node:path");
const { modules } = require("./setup/paths.js");

process.env.TF_CPP_MIN_LOG_LEVEL ??= "2";

// tslab answers messages as soon as one socket is bound; a reply on one that isn't yet would be an error on stderr.
const { ZmqServer } = require(path.join(modules, "tslab", "dist", "jupyter.js"));
const { init, handleShellMessage } = ZmqServer.prototype;
/** @type {Promise<void>} */
let bound;
ZmqServer.prototype.init = function () {
  bound = init.call(this);
  return bound;
};
ZmqServer.prototype.handleShellMessage = async function (/** @type {unknown[]} */ ...given) {
  await bound;
  return handleShellMessage.apply(this, given);
};

require(path.join(modules, "tslab", "dist", "main.js")).main();
