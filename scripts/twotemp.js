#!/usr/bin/env node
/** The command `twotemp`; its commands are in lib/cli. */
const fs = require("node:fs");
const path = require("node:path");

const root = path.resolve(__dirname, "..");
const cli = path.join(root, "dist", "lib", "cli.js");
if (!fs.existsSync(cli)) {
  console.error(`twotemp: the library isn't compiled; run: npm run setup   (in ${root})`);
  process.exit(1);
}
require(cli).main();
