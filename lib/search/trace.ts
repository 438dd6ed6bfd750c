import type { Budget, GateGroup } from "../space/index.js";

/** One recorded step of a search. */
export interface TraceEntry {
  readonly step: number;
  /** Mean loss of the steps since the entry before, this one included; without the price of complexity. */
  readonly loss: number;
  /** Price of complexity, gamma; with a price for each group, what is paid for each unit of complexity. */
  readonly price: number;
  /** Relaxed complexity `<c, a>` of this step's gates, in [0, 1]. */
  readonly complexity: number;
  /** Fraction of each group's gates whose logit is positive, in the order of the groups. */
  readonly kept: readonly number[];
  /** Counts of all gates in {@link histogramBins} equal bins of [0, 1]. */
  readonly histogram: readonly number[];
}

/** Number of bins of a trace entry's histogram. */
export const histogramBins = 20;

/** The history of a search, as plain data; equal for equal seeds, so it holds no times. */
export interface SearchTrace {
  readonly groups: readonly Pick<GateGroup, "name" | "kind" | "offset" | "size" | "shape">[];
  readonly steps: number;
  /** The density that is steered to, if one is. */
  readonly density: number | undefined;
  readonly budget?: Budget;
  readonly entries: TraceEntry[];
  /** Logits at some recorded steps, for spaces of at most `snapshotGates` gates. */
  readonly snapshots: { readonly step: number; readonly logits: number[] }[];
}

/** Largest number of gates for which a trace keeps snapshots. */
export const snapshotGates = 4096;

/** Number of snapshots of a whole search. */
export const snapshotCount = 40;
