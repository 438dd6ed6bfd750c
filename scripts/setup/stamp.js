const { createHash } = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const paths = require("./paths.js");

/**
 * Hash of files, folders (all files below them) and plain strings.
 *
 * @param {{ files?: string[], text?: string[] }} inputs
 * @returns {string}
 */
function fingerprint({ files = [], text = [] }) {
  const hash = createHash("sha256");
  for (const entry of text) hash.update(`${entry}\0`);
  for (const file of files.flatMap(filesBelow)) {
    hash.update(`${path.relative(paths.root, file)}\0`);
    hash.update(fs.readFileSync(file));
  }
  return hash.digest("hex");
}

/**
 * A file, or every file below a folder, in a fixed order; nothing when it doesn't exist.
 *
 * @param {string} place
 * @returns {string[]}
 */
function filesBelow(place) {
  const status = fs.statSync(place, { throwIfNoEntry: false });
  if (!status) return [];
  if (!status.isDirectory()) return [place];
  const names = fs.readdirSync(place).sort();
  return names.flatMap((name) => filesBelow(path.join(place, name)));
}

/** @param {string} step */
const stampFile = (step) => path.join(paths.setup, `${step}.stamp`);

/**
 * Whether a step was finished with these inputs.
 *
 * @param {string} step
 * @param {string} print
 * @returns {boolean}
 */
function isStamped(step, print) {
  const file = stampFile(step);
  return fs.existsSync(file) && fs.readFileSync(file, "utf8") === print;
}

/**
 * Notes that a step is finished: the last thing that a step does.
 *
 * @param {string} step
 * @param {string} print
 */
function stamp(step, print) {
  writeWhole(stampFile(step), print);
}

/**
 * Writes a file so that it is there whole or not at all.
 *
 * @param {string} file
 * @param {string | Buffer} content
 */
function writeWhole(file, content) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.partial`;
  fs.writeFileSync(temporary, content);
  fs.renameSync(temporary, file);
}

module.exports = { fingerprint, filesBelow, isStamped, stamp, writeWhole };
