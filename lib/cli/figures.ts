import type { Command } from "commander";

/** `twotemp figures`: draws the committed results again. */
export function addFigures(program: Command): void {
  program
    .command("figures")
    .summary("draw the figures of the committed results again")
    .description(
      "Draws figures/ from tables of effects only; the files are the same to the byte when nothing has changed.",
    )
    .argument("[tables...]", "CSV files with the columns of effects.csv (default: experiments/results/*-effects.csv)")
    .option("--out <folder>", "where the figures go (default: figures)")
    .action(async (given: string[], options: { out?: string }) => {
      const { existsSync, readdirSync } = await import("node:fs");
      const { basename, join, relative } = await import("node:path");
      const { projectRoot } = await import("../project.js");
      const { effectFigures, readEffects } = await import("../plot/effectFigures.js");
      const { closeBrowser, saveFigure } = await import("../plot/stills.js");
      const folder = join(projectRoot, "experiments", "results");
      const committed = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith("-effects.csv")) : [];
      const tables = given.length > 0 ? given : committed.sort().map((file) => join(folder, file));
      if (tables.length === 0) console.log("there are no tables in experiments/results yet");
      try {
        for (const table of tables) {
          const name = basename(table, ".csv").replace(/-effects$/, "");
          for (const [stem, figure] of Object.entries(effectFigures(name, await readEffects(table)))) {
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
