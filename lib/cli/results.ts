import { type Command, Option } from "commander";
import { TwotempError } from "../errors.js";
import { folderName, openExperiment } from "./options.js";

interface Options {
  store?: string;
  engine?: string;
  kind?: string;
  effects?: boolean;
  save?: true | string;
  format: "table" | "csv" | "jsonl";
  out?: string;
}

/** `twotemp results`: the results of an experiment as a table. */
export function addResults(program: Command): void {
  program
    .command("results")
    .summary("print the results of an experiment")
    .description("Prints one row a result of the tasks that are done, or the effects that follow from them.")
    .argument("<experiment>", "a file, or the name of one in experiments/")
    .option("--store <folder>", "folder of the records (default: runs/NAME)", folderName)
    .option("--engine <name>", "native, wasm or cpu")
    .option("--kind <kind>", "kind of the tasks (default: the last of the plan)")
    .option("--effects", "learned minus each control, with intervals")
    .option("--save [folder]", "write every table of the experiment as CSV (default: to experiments/results)")
    .addOption(new Option("--format <format>", "how").choices(["table", "csv", "jsonl"]).default("csv"))
    .option("--out <file>", "write to a file instead")
    .action(async (name: string, options: Options) => {
      const experiment = await openExperiment(name, options);
      const tt = await import("../experiments/index.js");
      const folder = options.store ?? tt.storeFolder(experiment);
      const store = new tt.RunStore(folder, { readOnly: true });
      const plan = tt.planExperiment(experiment);
      if (options.save) {
        const beside = (["effects", "kind", "out"] as const).find((option) => options[option] !== undefined);
        if (beside) throw new TwotempError("cli/save", `--save writes every table: leave --${beside} out`);
        const { join } = await import("node:path");
        const { projectRoot } = await import("../project.js");
        const tables = options.save === true ? join(projectRoot, "experiments", "results") : options.save;
        return void console.log(tt.saveTables(experiment, plan, store, tables).join("\n"));
      }
      const kinds = [...new Set(plan.map(({ task }) => task.kind))];
      const { kind = kinds.at(-1)! } = options;
      if (!kinds.includes(kind)) {
        throw new TwotempError(
          "cli/kind",
          `${experiment.name} has no tasks of kind ${kind}; it has ${kinds.join(", ")}`,
        );
      }
      if (options.effects && kind !== "transfer") {
        throw new TwotempError("cli/effects", `tasks of kind ${kind} have no arms to compare: leave --effects out`);
      }
      if (options.out && options.format === "table") {
        throw new TwotempError("cli/out", "--out writes csv or jsonl: name one by --format");
      }
      const rows = tt.resultRows(plan, store, { kind });
      if (rows.length === 0) {
        throw new TwotempError("cli/empty", `${folder} has no task of kind ${kind} that is done: twotemp run ${name}`);
      }
      const tasks = plan.filter(({ task }) => task.kind === kind);
      const done = tasks.filter(({ task }) => store.has(task.id)).length;
      if (options.effects && done < tasks.length) {
        console.error(`${done} of ${tasks.length} tasks are done: pHolm corrects for their comparisons alone`);
      }
      const wanted = options.effects ? tt.effectRows(rows) : rows;
      if (options.format === "table") return console.table(wanted);
      const text = options.format === "csv" ? tt.rowsToCsv(wanted) : tt.rowsToJsonLines(wanted);
      if (!options.out) return void process.stdout.write(text);
      const { writeAtomically } = await import("../experiments/files.js");
      writeAtomically(options.out, text);
      console.log(`${wanted.length} rows in ${options.out}`);
    });
}
