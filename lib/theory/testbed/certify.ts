import { ProgressMeter, type WorkOptions } from "../../progress.js";
import { enumerate } from "./enumerate.js";
import { subsetProblem } from "./problem.js";
import { runTestbed, testbedBox, type TestbedRun } from "./run.js";
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
 * @returns one row an inequality, and one a search; `holds` false anywhere is a fault of the code
 * @example
 * ```ts
 * (await certify({ seeds: 5 })).rows.every((row) => row.holds); // true
 * ```
 * Source: section 6 of this project's method notes.
 */
export async function certify(
  options: { readonly seeds?: number } & WorkOptions = {},
): Promise<{ rows: CertifiedRow[]; runs: CertifiedRun[] }> {
  const { seeds = 20, onProgress, signal } = options;
  const meter = new ProgressMeter("certify", 2 * seeds, onProgress);
  const rows: CertifiedRow[] = [];
  const runs: CertifiedRun[] = [];
  for (const [p, kind] of (["logistic", "linear"] as const).entries()) {
    for (let seed = 0; seed < seeds; seed++) {
      // Lets a signal and the progress through.
      await new Promise((resolve) => setImmediate(resolve));
      if (signal?.aborted) return { rows, runs };
      const problem = subsetProblem({ kind, seed });
      const optimum = enumerate(problem);
      const add = (batch: number | undefined, run: TestbedRun): void => {
        const { update, stepSize } = run.settings;
        const key = { problem: kind, update, batch: batch ?? ("full" as const), seed, stepSize };
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
      };
      for (const update of ["mirror", "euler", "adaptive"] as const) {
        for (const batch of [undefined, 32]) add(batch, runTestbed(problem, { update, batch, seed }));
      }
      const stepSize = (16 * testbedBox.coldTemperature * testbedBox.hotTemperature) / problem.smoothness;
      add(undefined, runTestbed(problem, { update: "mirror", stepSize, seed }));
      meter.report(p * seeds + seed + 1);
    }
  }
  return { rows, runs };
}
