const { SetupError } = require("./setup/errors.js");

/**
 * The main job's settings, which the quickstart notebook reads from TWOTEMP_SETTINGS.
 *
 * @type {Record<string, { read: (text: string) => unknown, expected: string }>}
 */
const settings = {
  source: { read: String, expected: "a data set, such as emnist-letters:A-M" },
  target: { read: String, expected: "a data set, such as emnist-letters:N-Z" },
  gates: { read: String, expected: "input, weight or unit" },
  density: { read: fraction, expected: "a number above 0 and at most 1" },
  shots: { read: wholeNumbers, expected: "whole numbers above 0, such as 1,5,10" },
  hidden: { read: wholeNumbers, expected: "whole numbers above 0, such as 128,64" },
  seed: { read: wholeNumber, expected: "a whole number" },
  steps: { read: positiveNumber, expected: "a whole number above 0" },
  searches: { read: severalNumber, expected: "a whole number above 1: an interval needs two" },
  retrainings: { read: positiveNumber, expected: "a whole number above 0" },
};

/** @param {string} text */
function fraction(text) {
  const value = Number(text);
  return text.trim() !== "" && value > 0 && value <= 1 ? value : undefined;
}

/** @param {string} text */
function wholeNumber(text) {
  return /^\d+$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : undefined;
}

/** @param {string} text */
function positiveNumber(text) {
  return wholeNumber(text) || undefined;
}

/** @param {string} text */
function severalNumber(text) {
  const value = wholeNumber(text);
  return value !== undefined && value > 1 ? value : undefined;
}

/** @param {string} text */
function wholeNumbers(text) {
  const values = text.split(",").map((part) => positiveNumber(part.trim()));
  return values.includes(undefined) ? undefined : values;
}

/** The settings as options for `parseArgs`. */
const settingOptions = Object.fromEntries(
  Object.keys(settings).map((name) => [name, { type: /** @type {const} */ ("string") }]),
);

/**
 * The settings that were given, as values.
 *
 * @param {Record<string, unknown>} given - name to text, as parsed from the command line
 * @returns {Record<string, unknown>}
 * @throws {SetupError} naming the value and what is expected
 */
function readSettings(given) {
  const entries = Object.entries(given).filter(([name]) => name in settings);
  return Object.fromEntries(
    entries.map(([name, text]) => {
      const value = settings[name].read(String(text));
      if (value === undefined) throw new SetupError(`--${name} must be ${settings[name].expected}, got ${text}`);
      return [name, value];
    }),
  );
}

module.exports = { settingOptions, readSettings };
