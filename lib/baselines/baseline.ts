import type { Dataset } from "../data/index.js";
import type { WorkOptions } from "../progress.js";
import type { Architecture, GateKind, SearchSpace } from "../space/index.js";
import type { TrainedModels } from "./trainedModels.js";

/** What a baseline may use to make its candidates: the same data and budget as the search had. */
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

/** What a baseline proposes: an architecture, in the context's space or in one of its own, and how its training starts. */
export interface Candidate {
  readonly architecture: Architecture;
  /**
   * Weights to start from, one array a weight of the architecture's space, in the full shapes; the head's are drawn
   * anew all the same, as the classes differ. Default fresh draws.
   */
  readonly weights?: readonly Float32Array[];
  /** Whether the head alone is trained. Default false. */
  readonly frozen?: boolean;
  /** Frees what was made for the candidate, once it has been judged. */
  dispose?(): void;
}

/** A competing way to get something of the same cost to train. */
export interface Baseline {
  readonly name: string;
  /** What it is, in a few words, for tables and figures. */
  readonly label: string;
  /** Why the baseline means nothing for this space and these architectures, or undefined if it does. */
  refuses(space: SearchSpace, learned: readonly Architecture[]): string | undefined;
  candidates(context: BaselineContext): Promise<Candidate[]>;
}

/** Whether every gate of the space is of one of the given kinds. */
export function onlyKinds(space: SearchSpace, ...kinds: readonly GateKind[]): boolean {
  return space.groups.every((group) => kinds.includes(group.kind));
}
