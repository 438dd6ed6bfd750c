import { z } from "zod";
import { type Baseline, baselines } from "../../baselines/index.js";
import { TwotempError } from "../../errors.js";
import { Architecture } from "../../space/index.js";
import { transfer } from "../../transfer/index.js";
import { defineTaskKind } from "../kinds.js";
import { dataHashes, openSource, openSpace, openTarget, sourceSchema, spaceSchema } from "./workspace.js";
import { watched } from "./watched.js";

const count = z.number().int().positive();

/** How architectures are retrained and judged, with the defaults of `transfer`. */
export interface RetrainingData {
  readonly retrainings: number;
  readonly draws: number;
  readonly randomCount: number;
  readonly steps: number;
  readonly head: "train" | "ridge";
  readonly learningRates: readonly number[];
  readonly penalties: readonly number[];
  readonly testExamples?: number;
  readonly tuningTasks: number;
  readonly tuningArchitectures: number;
  readonly training?: { readonly steps: number; readonly batch: number; readonly stepSize: number };
  readonly seed: number;
}

export const retrainingSchema: z.ZodType<RetrainingData, Partial<RetrainingData>> = z.strictObject({
  retrainings: count.default(5),
  draws: count.default(1),
  randomCount: count.default(20),
  steps: count.default(150),
  head: z.enum(["train", "ridge"]).default("train"),
  learningRates: z.array(z.number().positive()).min(1).max(20).readonly().default([0.001, 0.003, 0.01]),
  penalties: z.array(z.number().positive()).min(1).max(20).readonly().default([0.01, 0.1, 1]),
  testExamples: count.optional(),
  tuningTasks: count.default(4),
  tuningArchitectures: count.default(5),
  training: z.strictObject({ steps: count, batch: count, stepSize: z.number().positive() }).optional(),
  seed: z.number().int().default(0),
});

const armName = z.enum(Object.keys(baselines) as [string, ...string[]]);

const settingsSchema = z.strictObject({
  source: sourceSchema,
  target: z.string().min(1).max(200),
  space: spaceSchema,
  arms: z.array(armName),
  /** Arms whose architectures are results of tasks of their own: the last inputs, after the learned ones. */
  rivals: z.array(z.strictObject({ arm: armName, architectures: count })).default([]),
  shots: z.array(count).min(1).max(100),
  retraining: retrainingSchema,
});

defineTaskKind({
  name: "transfer",
  settings: settingsSchema,
  module: __filename,
  usesEngine: true,
  execute: async (settings, context) => {
    const { source: sourceData, target: targetName, space: spaceData, arms, rivals, shots, retraining } = settings;
    const { source, seen, heldOut } = await openSource(sourceData);
    const { dataset: target, reads } = watched(await openTarget(targetName, source, sourceData.images));
    const space = openSpace(spaceData, seen);
    const files = dataHashes(seen).join();
    const other = context.inputs.findIndex((input) => (input as { data: string[] }).data.join() !== files);
    if (other >= 0) {
      throw new TwotempError(
        "experiments/data",
        `architecture ${other} was learned from other files of ${seen.name} than are here now: bring them back, or use another store`,
      );
    }
    const learned = context.inputs.map((input) =>
      Architecture.fromJSON((input as { architecture: unknown }).architecture, space),
    );
    const made = rivals.map(({ arm, architectures }): Baseline => {
      const own = learned.splice(learned.length - architectures, architectures);
      return {
        ...baselines[arm],
        refuses: () => undefined,
        candidates: async () => own.map((architecture) => ({ architecture })),
      };
    });
    const { signal, onProgress } = context;
    const result = await transfer(space, learned, target, {
      ...retraining,
      source: seen,
      heldOut,
      shots,
      arms: [...arms.map((name) => baselines[name]), ...made],
      signal,
      onProgress,
    });
    // Stopped, it returns a part: a record holds the whole.
    signal?.throwIfAborted();
    return {
      rows: result.records,
      tuning: result.tuning,
      refused: result.refused,
      data: dataHashes(source, target),
      testReads: reads,
    };
  },
});
