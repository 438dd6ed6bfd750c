#!/usr/bin/env node
/** `npm test`: sets up what is missing, then runs every test. */
const { environment } = require("./setup/environment.js");
const { remembered } = require("./setup/choices.js");
const { SetupError } = require("./setup/errors.js");
const { run } = require("./run.js");
const { runMain, setUp } = require("./setup.js");
const { testRuns } = require("./tests.js");

runMain(async () => {
  const { usable } = await setUp(remembered());
  if (!usable) throw new SetupError("the tests can't run before the set-up is complete");
  for (const args of testRuns({ slow: true })) {
    const code = await run(process.execPath, args, environment());
    process.exitCode ||= code;
    if (code > 128) break; // a signal, such as that of Ctrl-C
  }
});
