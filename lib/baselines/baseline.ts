import type { Dataset } from "../data/index.js";
import type { WorkOptions } from "../progress.js";
import type { Architecture, SearchSpace } from "../space/index.js";
import type { TrainedModels } from "./trainedModels.js";

/** What a baseline may use to make its architectures: the same data and budget as the search had. */
export interface BaselineContext extends WorkOptions {
  readonly space: SearchSpace;
  /** The examples that the search saw. */
  readonly source: Dataset;
  /** The learned architectures that are to be matched, one a search seed. */
  readonly learned: readonly Architecture[];
  /** How many random architectures a random baseline draws. */
  readonly randomCount: number;
  readonly seed: number;
  /** Full models trained on the source, one a learned architecture, trained once for all baselines. */
  readonly trained: TrainedModels;
}

/** A competing way to get architectures of the same cost. */
export interface Baseline {
  readonly name: string;
  /** What it is, in a few words, for tables and figures. */
  readonly label: string;
  /** Why the baseline means nothing for this space, or undefined if it does. */
  refuses(space: SearchSpace): string | undefined;
  architectures(context: BaselineContext): Promise<Architecture[]>;
}

/** Whether every gate of the space is of the given kind. */
export function onlyKind(space: SearchSpace, kind: string): boolean {
  return space.groups.every((group) => group.kind === kind);
}
