import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { median, quantile } from "simple-statistics";
import { processorName } from "./processor.js";
import type { Clock } from "./side.js";

const root = join(__dirname, "..", "..");
const python = join(root, ".venv", "bin", "python");
const kernel = join(root, ".venv", "share", "jupyter", "kernels", "twotemp", "kernel.json");

/** What a program that uses the library waits for first; prints the milliseconds of each. */
const program = `
  const { milliseconds } = require("./dist/bench/clock.js");
  const [clock] = process.argv.slice(1);
  const start = async () => {
    const required = await milliseconds(clock, () => require("twotemp"));
    const ready = await milliseconds(clock, () => require("twotemp").ready());
    console.log(JSON.stringify([required, ready]));
  };
  start();`;

const firstCell = 'import * as tt from "twotemp";\nawait tt.ready();';

/** Seconds of a process of its own. */
function startLibrary(clock: Clock): [required: number, ready: number] {
  const output = execFileSync(process.execPath, ["-e", program, clock], { cwd: root, encoding: "utf8" });
  const [required, ready] = JSON.parse(output) as [number, number];
  return [required / 1000, ready / 1000];
}

function runFirstCell(): number {
  const options = { cwd: join(root, "notebooks"), encoding: "utf8" } as const;
  return Number(execFileSync(python, [join(root, "bench", "first_cell.py"), firstCell], options));
}

/** How long the library takes to start, in fresh processes; files are in the system's cache. */
function main(): void {
  const { values } = parseArgs({
    options: { clock: { type: "string", default: "wall" }, rounds: { type: "string", default: "9" } },
  });
  const clock: Clock = values.clock === "cpu" ? "cpu" : "wall";
  const rounds = Number(values.rounds);
  const repeat = <T>(time: () => T): T[] => {
    time();
    return Array.from({ length: rounds }, time);
  };
  const row = (what: string, target: number, clock: Clock, times: readonly number[]): object => ({
    what,
    seconds: median([...times]),
    low: quantile([...times], 0.1),
    high: quantile([...times], 0.9),
    target,
    clock,
  });
  const starts = repeat(() => startLibrary(clock));
  const rows = [
    row(
      'require("twotemp")',
      0.5,
      clock,
      starts.map(([required]) => required),
    ),
    row(
      "await tt.ready()",
      1.5,
      clock,
      starts.map(([, ready]) => ready),
    ),
  ];
  // The kernel is a process whose processor time isn't seen from here.
  if (existsSync(kernel)) rows.push(row("a notebook's first cell", 3, "wall", repeat(runFirstCell)));
  else console.log("without the kernel: `npm run setup` installs it; the first cell isn't timed");
  console.table(rows);
  const record = { processor: processorName(), cores: cpus().length, node: process.version, rounds, rows };
  writeFileSync(join(root, "bench", "results", "startup.json"), `${JSON.stringify(record, null, 1)}\n`);
}

main();
