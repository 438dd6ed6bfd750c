import type { Dataset } from "../data/index.js";
import { TwotempError } from "../errors.js";
import { shown } from "../invalid.js";
import { interruptible } from "../interrupt.js";
import { ProgressMeter, type WorkOptions } from "../progress.js";
import type { SearchSpace } from "../space/index.js";
import type { SearchOptions } from "./options.js";
import { search, type Search, type StepObserver } from "./search.js";

/**
 * The same search from several seeds, `seed`, `seed + 1`, ..., one after another.
 *
 * @param options - as for {@link search}, and `count`, the number of searches
 * @param run - `onStep` sees the search under way after each step; `signal`, or a notebook's Stop button, stops, keeping
 *   the finished searches and the one under way
 * @throws TwotempError as {@link search}; `search/options` for a count that isn't a whole number from 1
 * @example
 * ```ts
 * const learned = (await searches(space, source, { count: 5, density: 0.1 })).map((run) => run.architecture());
 * ```
 */
export async function searches(
  space: SearchSpace,
  dataset: Dataset,
  options: SearchOptions & { readonly count: number },
  run: WorkOptions & { readonly onStep?: StepObserver } = {},
): Promise<Search[]> {
  const { count, ...rest } = options;
  if (!Number.isInteger(count) || count < 1) {
    throw new TwotempError("search/options", `count must be a whole number from 1, got ${shown(count)}`);
  }
  const runs: Search[] = [];
  await interruptible(run.signal, async (signal) => {
    let before = 0;
    let meter: ProgressMeter | undefined;
    for (let i = 0; i < count && !signal.aborted; i++) {
      const next = search(space, dataset, { ...rest, seed: (rest.seed ?? 0) + i });
      meter ??= new ProgressMeter("searches", count * next.settings.steps, run.onProgress);
      runs.push(next);
      await next.run({ signal, onStep: run.onStep, onProgress: ({ done }) => meter!.report(before + done) });
      before += next.step;
    }
  });
  return runs;
}
