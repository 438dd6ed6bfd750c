import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { linearRegression } from "simple-statistics";
import type { Memory } from "./ours.js";
import { Side } from "./side.js";

/** How a kind of memory grew over the steps, by a line through 20 readings. */
interface Growth {
  /** At the last reading. */
  readonly MiB: number;
  /** As a fraction of the mean. */
  readonly growth: number;
  /** Twice the standard error of that. */
  readonly uncertainty: number;
}

/** What many steps of a search leave behind. */
interface Leak {
  readonly workload: string;
  readonly steps: number;
  /** Tensors after the last step less those after the warm-up. */
  readonly tensors: number;
  /** Memory of the process: without mapped files, where the system tells. */
  readonly resident: Growth;
  /** What native code has allocated and not freed, where it tells. */
  readonly native?: Growth;
  /** What is alive in JavaScript's heap. */
  readonly heap: Growth;
}

/** The slope of a line through the readings, in bytes, times their number, over their mean; with its standard error. */
function growth(readings: readonly number[]): Growth {
  const points = readings.map((value, i) => [i, value]);
  const { m, b } = linearRegression(points);
  const n = readings.length;
  const mean = readings.reduce((sum, value) => sum + value, 0) / n;
  const residual = Math.sqrt(points.reduce((sum, [x, y]) => sum + (y - b - m * x) ** 2, 0) / (n - 2));
  const spread = Math.sqrt(points.reduce((sum, [x]) => sum + (x - (n - 1) / 2) ** 2, 0));
  return {
    MiB: readings[n - 1] / 2 ** 20,
    growth: (m * n) / mean,
    uncertainty: (((2 * residual) / spread) * n) / mean,
  };
}

/** How many steps of each search are looked at. */
const stepsOf: Readonly<Record<string, number>> = { mlp: 2000, cnn: 2000, cell: 2000, resnet: 300, vgg: 300 };

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      workloads: { type: "string", default: Object.keys(stepsOf).join(",") },
      engine: { type: "string", default: "tensorflow" },
      threads: { type: "string", default: "1" },
      steps: { type: "string" },
    },
  });
  const leaks: Leak[] = [];
  for (const workload of values.workloads.split(",")) {
    const steps = Number(values.steps ?? stepsOf[workload] ?? 2000);
    // Memory is read after a collection: V8 puts its own off for thousands of steps.
    const program = ["--expose-gc", join(__dirname, "ours.js"), values.engine, values.threads];
    const side = new Side(process.execPath, program);
    await side.read();
    await side.ask({ open: workload, phase: "step" });
    // As many before: the runtime's own pools fill up; sums of many gates move to float64 after 64 steps, weights are drawn after 100.
    await side.time(steps, "wall");
    const first = await side.ask<Memory>({ memory: true });
    const readings: Memory[] = [];
    for (let i = 0; i < 20; i++) {
      await side.time(Math.ceil(steps / 20), "wall");
      readings.push(await side.ask<Memory>({ memory: true }));
    }
    side.end();
    const natives = readings.flatMap(({ nativeBytes }) => nativeBytes ?? []);
    const leak: Leak = {
      workload,
      steps,
      tensors: readings[readings.length - 1].tensors - first.tensors,
      resident: growth(readings.map(({ bytes }) => bytes)),
      native: natives.length === readings.length ? growth(natives) : undefined,
      heap: growth(readings.map(({ heapBytes }) => heapBytes)),
    };
    leaks.push(leak);
    const shown = (of: Growth): string =>
      `${of.MiB.toFixed(1)} MiB ${(100 * of.growth).toFixed(3)} +- ${(100 * of.uncertainty).toFixed(3)} %`;
    console.log(
      `${workload}: ${steps} steps, ${leak.tensors} tensors more; resident ${shown(leak.resident)}; ` +
        `in native use ${leak.native ? shown(leak.native) : "unknown"}; JavaScript's ${shown(leak.heap)}`,
    );
  }
  const folder = join(__dirname, "..", "..", "bench", "results");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "leaks.json");
  const old = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Leak[]) : [];
  const again = ({ workload, steps }: Leak): boolean =>
    leaks.some((leak) => leak.workload === workload && leak.steps === steps);
  const others = old.filter((leak) => !again(leak));
  writeFileSync(file, `${JSON.stringify([...leaks, ...others], null, 1)}\n`);
}

void main();
