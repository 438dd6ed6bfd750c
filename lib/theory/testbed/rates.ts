import { certificate } from "../certificate.js";
import { enumerate } from "./enumerate.js";
import { subsetProblem } from "./problem.js";
import { runTestbed } from "./run.js";
import { classicalBound } from "./theorems.js";

/** What both analyses promise for a number of steps, beside what was reached. */
export interface RateStudy {
  readonly steps: readonly number[];
  /** `L(mean a_t)` above the optimum. */
  readonly measured: readonly number[];
  /** Theorem 2: the regret bound over the steps. */
  readonly own: readonly number[];
  /** Theorem 5: the classical bound, and the part of it that stays. */
  readonly classical: readonly number[];
  readonly floor: readonly number[];
}

/**
 * Theorem 2 and the classical analysis of Theorem 5 on one problem, for runs of more and more `euler` steps.
 *
 * Source: Theorems 2 and 5 of this project's method notes (docs/theory.md).
 */
export function rateStudy(options: { readonly seed?: number; readonly steps?: readonly number[] } = {}): RateStudy {
  const { seed = 0, steps = [25, 50, 100, 200, 400, 800, 1600, 3200] } = options;
  const problem = subsetProblem({ seed });
  const optimum = enumerate(problem);
  const rows = steps.map((count) => {
    const run = runTestbed(problem, { update: "euler", steps: count, seed });
    const mean = Float64Array.from(
      { length: problem.gateCount },
      (_, i) => run.gates.slice(0, count).reduce((sum, a) => sum + a[i], 0) / count,
    );
    const { right } = certificate(run.accumulators, run.settings, optimum.mask).atFinal;
    const { terms } = classicalBound(problem, run, optimum.loss, false);
    return { measured: problem.loss(mean) - optimum.loss, own: right! / count, total: terms.total, floor: terms.floor };
  });
  return {
    steps,
    measured: rows.map((row) => row.measured),
    own: rows.map((row) => row.own),
    classical: rows.map((row) => row.total),
    floor: rows.map((row) => row.floor),
  };
}
