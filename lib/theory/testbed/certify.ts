import { setImmediate } from "node:timers/promises";
import { interruptible } from "../../interrupt.js";
import { ProgressMeter, type WorkOptions } from "../../progress.js";
import { enumerate } from "./enumerate.js";
import { subsetProblem } from "./problem.js";
import { runTestbed, testbedBox, type TestbedOptions } from "./run.js";
import { theoremsOf } from "./theorems.js";

/** One inequality on one run of the testbed. */
export interface CertifiedRow {
  /** The theorem's number in the method notes. */
  readonly theorem: number;
  readonly what: string;
  readonly problem: "logistic" | "linear";
  readonly update: string;
  /** Points a step, or `"full"`. */
  readonly batch: number | "full";
  readonly seed: number;
  readonly stepSize: number;
  readonly left: number;
  readonly right: number;
  readonly ratio: number;
  readonly holds: boolean;
}

/** One search of the testbed beside the enumerated truth. */
export interface CertifiedRun {
  readonly problem: "logistic" | "linear";
  readonly update: string;
  readonly batch: number | "full";
  readonly seed: number;
  readonly stepSize: number;
  /** Whether the final architecture is the best of all. */
  readonly found: boolean;
  /** Its loss above the best one's. */
  readonly gap: number;
}

/**
 * Evaluates the theorems on the exactly solvable testbed: both problems, the certified updates, full gradients and batches
 * of 32, and `mirror` once more with the step size that Theorem 3 asks for.
 *
 * @param options.seeds - how many problems of each kind; default 20
 * @returns one row an inequality, and one a search; `holds` false anywhere is a fault of the code. Stopped by `signal`, or by
 *   a notebook's Stop button, those of the searches done
 * @example
 * ```ts
 * (await certify({ seeds: 5 })).rows.every((row) => row.holds); // true
 * ```
 * Source: "How tight it is" in this project's method notes (docs/theory.md).
 */
export async function certify(
  options: { readonly seeds?: number } & WorkOptions = {},
): Promise<{ rows: CertifiedRow[]; runs: CertifiedRun[] }> {
  const { seeds = 20, onProgress } = options;
  const meter = new ProgressMeter("certify", 2 * seeds, onProgress);
  const rows: CertifiedRow[] = [];
  const runs: CertifiedRun[] = [];
  await interruptible(options.signal, async (signal) => {
    for (const [p, kind] of (["logistic", "linear"] as const).entries()) {
      for (let seed = 0; seed < seeds; seed++) {
        const problem = subsetProblem({ kind, seed });
        const optimum = enumerate(problem);
        const stepSize = (16 * testbedBox.coldTemperature * testbedBox.hotTemperature) / problem.smoothness;
        const searches: TestbedOptions[] = [
          ...(["mirror", "euler", "adaptive"] as const).flatMap((update) => [{ update }, { update, batch: 32 }]),
          { update: "mirror", stepSize },
        ];
        for (const settings of searches) {
          // Lets a signal and the progress through.
          await setImmediate();
          if (signal.aborted) return;
          const run = runTestbed(problem, { ...settings, seed });
          const { update, stepSize } = run.settings;
          const key = { problem: kind, update, batch: settings.batch ?? ("full" as const), seed, stepSize };
          for (const { theorem, what, left, right, ratio, holds } of theoremsOf(problem, optimum, run)) {
            rows.push({
              theorem: Number(theorem.split(" ")[1]),
              what,
              ...key,
              left: left!,
              right: right!,
              ratio: ratio!,
              holds: holds!,
            });
          }
          const found = run.mask.every((open, i) => open === optimum.mask[i]);
          runs.push({ ...key, found, gap: problem.loss(run.mask) - optimum.loss });
        }
        meter.report(p * seeds + seed + 1);
      }
    }
  });
  return { rows, runs };
}
