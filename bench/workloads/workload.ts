/** One phase of one workload, set up and ready to be timed. */
export interface Runner {
  run(iterations: number): Promise<void> | void;
  dispose(): void;
}

/** A workload by its phases; its twin has the same names and sizes in `twin.py`. */
export interface Workload {
  readonly title: string;
  /** What it is called in figures. */
  readonly short: string;
  readonly phases: Readonly<Record<string, () => Runner | Promise<Runner>>>;
}
