import type { Command } from "commander";
import type { KeptGate } from "../plot/index.js";

/** `twotemp figures`: draws the committed results again. */
export function addFigures(program: Command): void {
  program
    .command("figures")
    .summary("draw the figures of the committed results again")
    .description(
      "Draws figures/ from tables of effects and of gates only; the files are the same to the byte when nothing has changed.",
    )
    .argument("[tables...]", "CSV files NAME-effects.csv and NAME-gates.csv (default: those in experiments/results)")
    .option("--out <folder>", "where the figures go (default: figures)")
    .action(async (given: string[], options: { out?: string }) => {
      const { existsSync, readdirSync } = await import("node:fs");
      const { basename, join, relative } = await import("node:path");
      const { projectRoot } = await import("../project.js");
      const { effectFigures, readEffects, readTable } = await import("../plot/effectFigures.js");
      const { gateFigures } = await import("../plot/keptBySource.js");
      const { closeBrowser, saveFigure } = await import("../plot/stills.js");
      const folder = join(projectRoot, "experiments", "results");
      const committed = existsSync(folder)
        ? readdirSync(folder).filter((file) => /-(effects|gates)\.csv$/.test(file))
        : [];
      const tables = given.length > 0 ? given : committed.sort().map((file) => join(folder, file));
      if (tables.length === 0) console.log("there are no tables in experiments/results yet");
      try {
        for (const table of tables) {
          const name = basename(table, ".csv").replace(/-(effects|gates)$/, "");
          const figures = table.endsWith("-gates.csv")
            ? gateFigures(name, await readTable<KeptGate>(table))
            : effectFigures(name, await readEffects(table));
          for (const [stem, figure] of Object.entries(figures)) {
            const { files, missing } = await saveFigure(
              figure,
              join(options.out ?? join(projectRoot, "figures"), stem),
            );
            console.log(files.map((file) => relative(process.cwd(), file)).join("\n"));
            if (missing) console.log(missing);
          }
        }
      } finally {
        await closeBrowser();
      }
    });
}
