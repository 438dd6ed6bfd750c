import { type Runner, withTries } from "./runner.js";
import { executeTask } from "./task.js";

/**
 * Does tasks one after another in this process.
 *
 * @example
 * ```ts
 * await runExperiment(experiment, { store, runner: inlineRunner() });
 * ```
 */
export function inlineRunner(): Runner {
  return {
    slots: 1,
    run: ({ task, inputs, scratch }, signal) =>
      withTries(task, signal, () => executeTask(task, { inputs, scratch, signal })),
    close: async () => {},
  };
}
