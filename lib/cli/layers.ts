import type { Command } from "commander";

/** `twotemp layers`: what search spaces do with each layer class. */
export function addLayers(program: Command): void {
  program
    .command("layers")
    .summary("show what search spaces do with each layer class")
    .description("Lists every layer class that search spaces know: its role towards gates, and why.")
    .option("--json", "print the same for programs")
    .action(async (options: { json?: boolean }) => {
      const { layerTable } = await import("../space/roles.js");
      const rows = layerTable();
      if (options.json) return console.log(JSON.stringify(rows, null, 2));
      const width = Math.max(...rows.map(({ className }) => className.length));
      for (const { className, role, reason } of rows) {
        console.log(`${className.padEnd(width)}  ${role.padEnd(7)}  ${reason}`);
      }
    });
}
