import { type Baseline, controls, TrainedModels } from "../baselines/index.js";
import type { Dataset } from "../data/index.js";
import { TwotempError } from "../errors.js";
import { ProgressMeter, type WorkOptions } from "../progress.js";
import { type Architecture, type SearchSpace } from "../space/index.js";
import { inSpace, withClasses } from "./head.js";
import { TransferResult, type TransferRecord, type TuningRecord } from "./result.js";
import { retrain, type RetrainingJob } from "./retrain.js";
import { targetTasks, tuningTasks } from "./task.js";

/** What {@link transfer} takes. */
export interface TransferOptions extends WorkOptions {
  /** The examples that the search saw; baselines that look at data see the same. */
  readonly source: Dataset;
  /** Source examples that no search saw: learning rates are chosen on few-shot tasks drawn from them. */
  readonly heldOut: Dataset;
  /** Training examples a class of the target. Default [1, 5, 10]. */
  readonly shots?: readonly number[];
  /** Retrainings of each architecture, each with its own shots and initial weights. Default 5. */
  readonly retrainings?: number;
  /** What to compare with. Default every control that makes sense for the space. */
  readonly arms?: readonly Baseline[];
  /** Random architectures a random arm. Default 20. */
  readonly randomCount?: number;
  /** Steps of a retraining. Default 150. */
  readonly steps?: number;
  /** Learning rates that every arm tries. Default 0.001, 0.003 and 0.01. */
  readonly learningRates?: readonly number[];
  /** Few-shot tasks of the source on which each learning rate is tried. Default 4. */
  readonly tuningTasks?: number;
  /** Most architectures of an arm with which learning rates are tried. Default 5. */
  readonly tuningArchitectures?: number;
  /** How the full model is trained on the source, for arms that start from it. Default 2,000 steps of 64, 0.003. */
  readonly training?: { readonly steps: number; readonly batch: number; readonly stepSize: number };
  /** Default 0. */
  readonly seed?: number;
}

/** An arm with its architectures. */
interface Arm {
  readonly name: string;
  readonly label: string;
  readonly architectures: readonly Architecture[];
}

/**
 * How well learned architectures do on a new data set from a few examples, beside their controls.
 *
 * Each architecture is re-initialised and retrained `retrainings` times on `shots` examples a class of the target, then
 * judged by the target's test examples, which are looked at once. Retraining number r has the same shots and the same
 * initial draw in every arm. Each arm's learning rate is the best of `learningRates` on few-shot tasks from `heldOut`:
 * no label of the target beyond the shots is used.
 *
 * @param space - the space in which the architectures were learned
 * @param learned - one architecture a search seed
 * @param target - examples of the source's input shape, any number of classes
 * @returns records, summaries and effects; see {@link TransferResult}
 * @throws TwotempError `transfer/learned`, `transfer/input-shape`, `data/shots`
 * @example
 * ```ts
 * const [seen, heldOut] = source.split(0.2, 0);
 * const result = await transfer(space, learned, target, { source: seen, heldOut, shots: [5] });
 * show(result);
 * ```
 */
export async function transfer(
  space: SearchSpace,
  learned: readonly Architecture[],
  target: Dataset,
  options: TransferOptions,
): Promise<TransferResult> {
  const { source, heldOut, retrainings = 5, randomCount = 20, steps = 150, seed = 0, signal } = options;
  const shots = options.shots ?? [1, 5, 10];
  const learningRates = options.learningRates ?? [0.001, 0.003, 0.01];
  if (learned.length === 0) throw new TwotempError("transfer/learned", "no learned architecture was given");
  if (target.inputShape.join() !== source.inputShape.join()) {
    throw new TwotempError(
      "transfer/input-shape",
      `${target.name} has examples of [${target.inputShape.join(", ")}], the source of [${source.inputShape.join(", ")}]`,
    );
  }
  const training = { steps: 2000, batch: 64, stepSize: 0.003, ...options.training };
  const refused: { arm: string; reason: string }[] = [];
  const arms: Arm[] = [{ name: "learned", label: "learned", architectures: learned }];
  const trained = new TrainedModels(space, source, { ...training, seed, signal, onProgress: options.onProgress });
  for (const arm of options.arms ?? controls) {
    const reason = arm.refuses(space);
    if (reason) refused.push({ arm: arm.name, reason });
    else {
      const architectures = await arm.architectures({ space, source, learned, randomCount, seed, trained, signal });
      arms.push({ name: arm.name, label: arm.label, architectures });
    }
  }

  const taskWays = Math.min(target.classCount, heldOut.classCount);
  const tuningSpace = withClasses(space, taskWays);
  const targetSpace = withClasses(space, target.classCount);
  const perArm = options.tuningArchitectures ?? 5;
  const total = shots.length * arms.length * (learningRates.length + 1);
  const meter = new ProgressMeter(`transfer to ${target.name}`, total, options.onProgress);
  let done = 0;
  const records: TransferRecord[] = [];
  const tuning: TuningRecord[] = [];
  for (const shot of shots) {
    const sourceTasks = tuningTasks(heldOut, { shots: shot, ways: taskWays, seed, tasks: options.tuningTasks ?? 4 });
    const tasks = targetTasks(target, shot, seed, retrainings);
    for (const arm of arms) {
      const tried: TuningRecord[] = [];
      for (const learningRate of learningRates) {
        const jobs = arm.architectures
          .slice(0, perArm)
          .map((architecture) => inSpace(architecture, tuningSpace))
          .flatMap((architecture) =>
            sourceTasks.map((task, t): RetrainingJob => ({ architecture, task, draw: [seed, "tuning", shot, t] })),
          );
        const accuracies = await retrain(tuningSpace, jobs, { learningRate, steps, signal });
        const accuracy = accuracies.reduce((sum, value) => sum + value, 0) / accuracies.length;
        tried.push({ arm: arm.name, shots: shot, learningRate, accuracy });
        meter.report(++done);
      }
      tuning.push(...tried);
      const best = tried.reduce((a, b) => (b.accuracy > a.accuracy ? b : a));
      const adapted = arm.architectures.map((architecture) => inSpace(architecture, targetSpace));
      const jobs = adapted.flatMap((architecture) =>
        tasks.map((task, r): RetrainingJob => ({ architecture, task, draw: [seed, "retraining", shot, r] })),
      );
      const accuracies = await retrain(targetSpace, jobs, { learningRate: best.learningRate, steps, signal });
      accuracies.forEach((accuracy, j) => {
        const architecture = adapted[Math.floor(j / retrainings)];
        records.push({
          source: source.name,
          target: target.name,
          gates: [...new Set(space.groups.map((group) => group.kind))].join("+"),
          density: learned[0].density,
          shots: shot,
          arm: arm.name,
          search: Math.floor(j / retrainings),
          retraining: j % retrainings,
          learningRate: best.learningRate,
          accuracy,
          kept: architecture.mask.reduce((sum, gate) => sum + gate, 0),
          parameters: architecture.counts.parameters,
          architecture: architecture.hash,
        });
      });
      meter.report(++done);
    }
  }
  return new TransferResult(
    records,
    tuning,
    arms.map(({ name, label }) => ({ name, label })),
    refused,
    seed,
  );
}
