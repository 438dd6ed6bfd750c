import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Architecture,
  dataset,
  type Dataset,
  type GateKind,
  mlp,
  Random,
  ready,
  retrain,
  type SearchSpace,
  searchSpace,
  targetTasks,
  type TransferOptions,
} from "../../lib/index.js";
import { retrainModel } from "../../lib/transfer/retrainModel.js";

/** What is transferred between: source, part of which is held out, and target. */
export interface Digits {
  readonly target: Dataset;
  readonly seen: Dataset;
  readonly heldOut: Dataset;
}

/** From the digits 0 to 4 to the digits 5 to 9, with the engine ready. */
export async function openDigits(): Promise<Digits> {
  await ready();
  const source = (await dataset("digits:0-4")).standardised();
  const target = (await dataset("digits:5-9")).standardised(source);
  const [seen, heldOut] = source.split(0.2, 0);
  return { target, seen, heldOut };
}

export const spaceOf = (gates: GateKind, hidden: number[] = [16, 12]): SearchSpace =>
  searchSpace(mlp({ inputShape: [8, 8, 1], hidden, classes: 5 }), { gates });

/** An architecture that keeps a random half of the gates, or another part. */
export const halfOf = (space: SearchSpace, seed: number, part: number = 0.5): Architecture =>
  space.keepLargest(new Random(seed, "half").uniforms(space.gateCount), part);

/** Options of a small comparison, without its data. */
export const small: Omit<TransferOptions, "source" | "heldOut"> = {
  shots: [5],
  retrainings: 3,
  randomCount: 4,
  steps: 60,
  tuningTasks: 2,
  training: { steps: 200, batch: 64, stepSize: 0.003 },
  seed: 1,
};

/** Tests that models with these gates are retrained in stacks as they are alone. */
export function testTogether(target: () => Dataset, gates: GateKind, part: number = 0.5): void {
  test(`many models at once gives what one after another gives, with ${100 * part} % of ${gates} gates`, async () => {
    const space = spaceOf(gates, part < 0.5 ? [200, 100] : undefined);
    const tasks = targetTasks(target(), 5, 1, 3);
    const options = { learningRate: 0.01, steps: 60 };
    const jobs = [0, 1, 2].flatMap((seed) =>
      tasks.map((task, t) => ({ architecture: halfOf(space, seed, part), task, draw: [9, "test", t] })),
    );
    const together = await retrain(space, jobs, options);
    for (const [j, job] of jobs.entries()) {
      const [alone] = await retrain(space, [job], options);
      // The compacted model, trained by the path that any model takes.
      const compacted = await retrainModel(space, job, options);
      assert.ok(Math.abs(together[j] - alone) < 0.01, `job ${j}: ${together[j]} together, ${alone} alone`);
      assert.ok(Math.abs(compacted - alone) < 0.01, `job ${j}: ${compacted} compacted, ${alone} in a stack`);
    }
    assert.ok(Math.min(...together) > 0.3, "better than guessing one of five");
  });
}
