import { z } from "zod";
import { bestOfRandom } from "../../baselines/bestRandom.js";
import { Architecture } from "../../space/index.js";
import { defineTaskKind } from "../kinds.js";
import { openSource, openSpace, sourceSchema, spaceSchema } from "./workspace.js";

const settingsSchema = z.strictObject({
  source: sourceSchema,
  space: spaceSchema,
  /** How many random architectures are scored. */
  of: z.number().int().positive(),
  seed: z.number().int(),
});

/** The best of n random architectures of the cost of the learned one that it is given, by the source score. */
defineTaskKind({
  name: "best-random",
  settings: settingsSchema,
  module: __filename,
  usesEngine: true,
  execute: async ({ source, space: spaceData, of, seed }, { inputs: [learned] }) => {
    const { seen } = await openSource(source);
    const space = openSpace(spaceData, seen);
    const matched = Architecture.fromJSON((learned as { architecture: unknown }).architecture, space);
    const architecture = bestOfRandom({ space, source: seen, seed }, matched, of, 0);
    return { architecture: architecture.toJSON(), rows: [{ seed, of, hash: architecture.hash }] };
  },
});
