import type { Command } from "commander";
import { folderName, openExperiment } from "./options.js";

/** `twotemp status`: what is done of an experiment. */
export function addStatus(program: Command): void {
  program
    .command("status")
    .summary("show what is done of an experiment")
    .description("Shows how many tasks are done, set aside and left, with their errors and times. Changes nothing.")
    .argument("<experiment>", "a file, or the name of one in experiments/")
    .option("--store <folder>", "folder of the records (default: runs/NAME)", folderName)
    .option("--engine <name>", "native, wasm or cpu")
    .option("--json", "print the same for programs")
    .action(async (name: string, options: { store?: string; engine?: string; json?: boolean }) => {
      const experiment = await openExperiment(name, options);
      const { experimentStatus } = await import("../experiments/index.js");
      const { statusText } = await import("./statusText.js");
      const status = experimentStatus(experiment, options.store);
      console.log(options.json ? JSON.stringify(status, null, 2) : statusText(experiment, status));
    });
}
