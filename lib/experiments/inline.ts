import { setImmediate } from "node:timers/promises";
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
    async run({ task, inputs, scratch }, signal) {
      // Tasks may never wait for anything: Ctrl-C has to be heard between them.
      await setImmediate();
      return withTries(task, signal, () => executeTask(task, { inputs, scratch, signal }));
    },
    close: async () => {},
  };
}
