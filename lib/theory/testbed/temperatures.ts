import { enumerate } from "./enumerate.js";
import type { SubsetProblem } from "./problem.js";
import { runTestbed, type TestbedOptions } from "./run.js";

/** A cold and a hot temperature, which may be the same. */
export type Temperatures = Required<Pick<TestbedOptions, "coldTemperature" | "hotTemperature">>;

/** What a run with some temperatures reached; the last four are objectives. */
export interface TemperatureRow {
  readonly cold: number;
  readonly hot: number;
  readonly steps: number;
  readonly start: number;
  /** Of the relaxed gates, and of the architecture that they end as. */
  readonly end: number;
  readonly architecture: number;
  /** Of the best of all architectures. */
  readonly best: number;
}

/**
 * Runs of one problem of the testbed that differ in their temperatures, beside the best there is.
 *
 * @param steps - one run for each
 * @param options - of every run
 * @returns a row for temperatures and steps
 * @example
 * ```ts
 * const two = { coldTemperature: 0.05, hotTemperature: 0.5 };
 * const one = { coldTemperature: 1, hotTemperature: 1 };
 * await tt.show(tt.compareTemperatures(tt.subsetProblem(), [two, one], [200, 2000]));
 * ```
 */
export function compareTemperatures(
  problem: SubsetProblem,
  temperatures: readonly Temperatures[],
  steps: readonly number[],
  options: TestbedOptions = {},
): TemperatureRow[] {
  const { loss: best } = enumerate(problem);
  return temperatures.flatMap(({ coldTemperature, hotTemperature }) =>
    steps.map((count) => {
      const { losses, mask } = runTestbed(problem, { ...options, coldTemperature, hotTemperature, steps: count });
      const [start, end, architecture] = [losses[0], losses[count], problem.loss(mask)];
      return { cold: coldTemperature, hot: hotTemperature, steps: count, start, end, architecture, best };
    }),
  );
}
