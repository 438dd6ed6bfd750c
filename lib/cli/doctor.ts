import type { Command } from "commander";

/** `twotemp doctor`: whether the main job can run here, and with what. */
export function addDoctor(program: Command): void {
  program
    .command("doctor")
    .summary("show the engine, the kernel, Python, the browser, data and disk")
    .description("Shows what the project found on this machine. Fails only if the main job (npm start) can't run.")
    .option("--json", "print the same for programs")
    .action(async (options: { json?: boolean }) => {
      const { diagnose, diagnosisTable } = await import("./diagnosis.js");
      const diagnosis = await diagnose();
      console.log(options.json ? JSON.stringify(diagnosis, null, 2) : diagnosisTable(diagnosis));
      if (diagnosis.problems.length > 0) process.exitCode = 1;
    });
}
