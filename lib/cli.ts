import { Command, CommanderError } from "commander";
import { addCertify } from "./cli/certify.js";
import { addDoctor } from "./cli/doctor.js";
import { addFigures } from "./cli/figures.js";
import { addLayers } from "./cli/layers.js";
import { addPlan } from "./cli/plan.js";
import { addReport } from "./cli/report.js";
import { addResults } from "./cli/results.js";
import { addRun } from "./cli/run.js";
import { addStatus } from "./cli/status.js";
import { addWork } from "./cli/work.js";
import { TwotempError } from "./errors.js";

/** One line a command; each lives in its own file and imports what it calls only when it is called. */
const commands: readonly ((program: Command) => void)[] = [
  addDoctor,
  addCertify,
  addLayers,
  addPlan,
  addRun,
  addStatus,
  addResults,
  addWork,
  addFigures,
  addReport,
];

/**
 * Runs the command `twotemp`.
 *
 * @param args - the words after `twotemp`
 * @returns the exit code: 0, or 1 after an error, which is printed in one line
 */
export async function run(args: readonly string[]): Promise<number> {
  const program = new Command("twotemp")
    .description("Differentiable architecture pruning for transfer learning")
    .showHelpAfterError("(twotemp --help lists the commands)")
    .exitOverride();
  for (const add of commands) add(program);
  try {
    process.exitCode = 0;
    await program.parseAsync(args, { from: "user" });
    return Number(process.exitCode);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    const expected = error instanceof TwotempError;
    console.error(expected ? `twotemp: ${error.message}` : error);
    return 1;
  }
}

/** How long what is done may keep the program. */
const endMilliseconds = 3000;

/** The program: runs the words of the command line and leaves the exit code. */
export async function main(): Promise<void> {
  // A reader that closes early, such as `head`, ends the program quietly.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
  process.exitCode = await run(process.argv.slice(2));
  // Connections to a server that is away may stay open for ever.
  setTimeout(() => process.exit(), endMilliseconds).unref();
}
