const fs = require("node:fs");
const path = require("node:path");
const paths = require("./paths.js");
const { SetupError } = require("./errors.js");

/**
 * @typedef {import("./choices.js").Choices} Choices
 *
 * @typedef {object} Step
 * @property {string} name
 * @property {string} title - for the line of progress
 * @property {boolean} [essential] - whether nothing works without it
 * @property {string[]} needs - the steps that have to be finished before
 * @property {string} without - what still works when it fails
 * @property {(choices: Choices) => boolean} isDone - quick: looks at files, starts no program
 * @property {(choices: Choices) => Promise<string | void>} run - returns a remark for its line
 */

/**
 * Does what is not yet done, one line a step; a step that fails says what failed, what still works and what mends it, and the
 * steps that don't need it go on.
 *
 * @param {Step[]} steps
 * @param {Choices} choices
 * @returns {Promise<{ done: Set<string>, failed: Step[] }>}
 */
async function takeSteps(steps, choices) {
  /** @type {Set<string>} */
  const done = new Set();
  /** @type {Step[]} */
  const failed = [];
  for (const [index, step] of steps.entries()) {
    if (step.isDone(choices)) {
      done.add(step.name);
      continue;
    }
    const head = `[${index + 1}/${steps.length}] ${step.title}`;
    const missing = step.needs.filter((name) => !done.has(name) && steps.some((other) => other.name === name));
    if (missing.length > 0) {
      failed.push(step);
      const titles = missing.map((name) => steps.find((other) => other.name === name)?.title);
      console.log(`${head}: left out, it needs the ${titles.join(" and the ")}`);
      continue;
    }
    process.stdout.write(`${head} ... `);
    const started = performance.now();
    try {
      fs.rmSync(path.join(paths.setup, `${step.name}.log`), { force: true });
      const remark = await step.run(choices);
      done.add(step.name);
      console.log(`${seconds(started)}${remark ? ` (${remark})` : ""}`);
    } catch (error) {
      failed.push(step);
      console.log(`failed after ${seconds(started)}: ${/** @type {Error} */ (error).message}`);
      console.log(`      still works: ${step.without}`);
      console.log(`      to mend it:  ${(error instanceof SetupError && error.remedy) || "npm run setup"}`);
    }
  }
  return { done, failed };
}

/** @param {number} started */
const seconds = (started) => `${((performance.now() - started) / 1000).toFixed(1)} s`;

module.exports = { takeSteps, seconds };
