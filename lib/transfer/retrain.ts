import type { Address } from "../engine/index.js";
import { ProgressMeter, type WorkOptions } from "../progress.js";
import type { Architecture, SearchSpace } from "../space/index.js";
import { denseChain } from "./chain.js";
import { retrainChains } from "./retrainChains.js";
import { retrainModel } from "./retrainModel.js";
import type { FewShotTask } from "./task.js";

/** One retraining: which architecture, on which task, from which initial draw. */
export interface RetrainingJob {
  readonly architecture: Architecture;
  readonly task: FewShotTask;
  /** Address of the initial weights (and dropout masks); jobs that are to be compared share it. */
  readonly draw: Address;
  /** Weights to start from in place of a draw (the head's are drawn all the same), in the full shapes. */
  readonly weights?: readonly Float32Array[];
  /** Whether the head alone is trained; default false. */
  readonly frozen?: boolean;
}

/** How every job of one call is trained: full-batch Adam on the support set. */
export interface RetrainOptions extends WorkOptions {
  readonly learningRate: number;
  readonly steps: number;
  /** Gets the accuracy of each job, by its place in the list, as soon as it is known: what is left if the work is stopped. */
  readonly onResult?: (job: number, accuracy: number) => void;
}

/**
 * Trains architectures from their initial weights, each on its task's support set, and judges them by the queries.
 *
 * Always trains the compacted network. Chains of Dense layers of equal shape are trained many at a time.
 *
 * @param space - the space of the architectures, with as many outputs as the tasks have classes
 * @returns accuracy on the queries, in [0, 1], in the order of the jobs
 */
export async function retrain(
  space: SearchSpace,
  jobs: readonly RetrainingJob[],
  options: RetrainOptions,
): Promise<number[]> {
  const meter = new ProgressMeter("retraining", jobs.length, options.onProgress);
  const accuracies = new Array<number>(jobs.length);
  let done = 0;
  const finished = (job: number, accuracy: number): void => {
    accuracies[job] = accuracy;
    options.onResult?.(job, accuracy);
    meter.report(++done);
  };
  const links = denseChain(space.plan);
  if (links) {
    await retrainChains(space, links, jobs, options, finished);
  } else {
    for (const [j, job] of jobs.entries()) finished(j, await retrainModel(space, job, options));
  }
  return accuracies;
}
