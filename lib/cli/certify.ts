import type { Command } from "commander";

/** `twotemp certify`: the theorems on the exactly solvable testbed, on this machine. */
export function addCertify(program: Command): void {
  program
    .command("certify")
    .summary("check the theorems on an exactly solved problem")
    .description(
      "Evaluates the theorems of the method notes on subset-selection problems whose best architecture is known by enumeration. Fails if an inequality doesn't hold.",
    )
    .option("--seeds <n>", "problems of each kind", "20")
    .option("--json", "print one row an inequality for programs")
    .action(async (options: { seeds: string; json?: boolean }) => {
      const { TwotempError } = await import("../errors.js");
      const { certify } = await import("../theory/index.js");
      const { certifiedTable } = await import("./certifiedTable.js");
      const seeds = Number(options.seeds);
      if (!Number.isInteger(seeds) || seeds < 1) {
        throw new TwotempError("cli/seeds", `--seeds must be a whole number above 0; got ${options.seeds}`);
      }
      const result = await certify({ seeds });
      console.log(options.json ? JSON.stringify(result.rows, null, 2) : certifiedTable(result));
      if (result.rows.some((row) => !row.holds)) process.exitCode = 1;
    });
}
