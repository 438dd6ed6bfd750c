import type { Command } from "commander";
import { folderName, openExperiment } from "./options.js";

/** `twotemp plan`: the tasks of an experiment. */
export function addPlan(program: Command): void {
  program
    .command("plan")
    .summary("show the tasks of an experiment")
    .description("Shows into which tasks an experiment expands, and how many of them are done. Runs nothing.")
    .argument("<experiment>", "a file, or the name of one in experiments/")
    .option("--store <folder>", "folder of the records (default: runs/NAME)", folderName)
    .option("--engine <name>", "native, wasm or cpu")
    .option("--json", "print one task a line for programs")
    .action(async (name: string, options: { store?: string; engine?: string; json?: boolean }) => {
      const experiment = await openExperiment(name, options);
      const { planExperiment } = await import("../experiments/index.js");
      const plan = planExperiment(experiment);
      if (options.json) {
        for (const { task, labels } of plan) console.log(JSON.stringify({ ...task, labels }));
        return;
      }
      const { experimentStatus } = await import("../experiments/index.js");
      const { statusText } = await import("./statusText.js");
      console.log(statusText(experiment, experimentStatus(experiment, options.store)));
      const shown = plan
        .slice(0, 5)
        .map(({ task, labels }) => `  ${task.id.slice(0, 12)} ${task.kind} ${JSON.stringify(labels)}`);
      console.log([`first tasks of ${plan.length}:`, ...shown].join("\n"));
    });
}
