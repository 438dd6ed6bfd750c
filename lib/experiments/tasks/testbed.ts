import { z } from "zod";
import { certificate, enumerate, runTestbed, subsetProblem } from "../../theory/index.js";
import { defineTaskKind } from "../kinds.js";

const positive = z.number().positive();

const settingsSchema = z.strictObject({
  seed: z.number().int(),
  gateCount: z.number().int().min(1).max(20).default(12),
  update: z.enum(["euler", "mirror", "adaptive"]).default("mirror"),
  batch: z.number().int().positive().optional(),
  steps: z.number().int().positive().max(1e6).default(200),
  coldTemperature: positive.default(0.05),
  hotTemperature: positive.default(0.5),
  logitBound: positive.default(2),
});

/** One run of the exactly solvable testbed: needs no engine and no data, and takes a fraction of a second. */
defineTaskKind({
  name: "testbed",
  settings: settingsSchema,
  module: __filename,
  usesEngine: false,
  execute: async ({ seed, gateCount, ...options }) => {
    const problem = subsetProblem({ seed, gateCount });
    const optimum = enumerate(problem);
    const run = runTestbed(problem, { ...options, seed });
    const { atFinal, atWorst, holds } = certificate(run.accumulators, run.settings, run.mask);
    return {
      rows: [
        {
          seed,
          loss: problem.loss(run.mask),
          optimum: optimum.loss,
          found: run.mask.every((open, i) => open === optimum.mask[i]),
          ratioAtFinal: atFinal.ratio ?? null,
          ratioAtWorst: atWorst.ratio ?? null,
          holds: holds ?? null,
        },
      ],
    };
  },
});
