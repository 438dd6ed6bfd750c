import type { Dataset, Split } from "../../data/index.js";

/** One reading of test examples. */
export interface TestRead {
  readonly dataset: string;
  readonly examples: number;
}

/**
 * A data set that writes down each time examples of its test split are read, so that a record tells how often its target's
 * test data were looked at.
 */
export function watched(dataset: Dataset): { readonly dataset: Dataset; readonly reads: readonly TestRead[] } {
  const reads: TestRead[] = [];
  const batch = (split: Split, rows: ArrayLike<number>, out?: Float32Array): Float32Array => {
    if (split === "test") reads.push({ dataset: dataset.name, examples: rows.length });
    return dataset.batch(split, rows, out);
  };
  return { dataset: Object.create(dataset, { batch: { value: batch } }) as Dataset, reads };
}
