import { z } from "zod";
import { baselines, controls } from "../../baselines/index.js";
import type { SearchOptions } from "../../search/index.js";
import { defineDesign, type PlannedTask } from "../experiment.js";
import { makeTask } from "../task.js";
import { searchOptionsSchema } from "../tasks/search.js";
import { retrainingSchema } from "../tasks/transfer.js";
import { sourceSchema, spaceSchema } from "../tasks/workspace.js";
import { seedList, some, word } from "./schemas.js";

const dataName = z.string().min(1).max(200);

const settingsSchema = z
  .strictObject({
    /** Every source with every target, or pairs. */
    sources: some(dataName).optional(),
    targets: some(dataName).optional(),
    pairs: some(z.strictObject({ source: dataName, target: dataName })).optional(),
    /** Of every source: the fraction held out, how many examples searches see, and the seed of the split. */
    data: z
      .strictObject({
        heldOut: z.number().gt(0).lt(1).optional(),
        examples: z.number().int().positive().optional(),
        seed: z.number().int().optional(),
      })
      .default({}),
    spaces: some(z.strictObject({ name: word, space: spaceSchema })),
    strategies: some(z.enum(["fixed", "resample", "reset", "joint", "constant", "episode"])),
    /** Settings of searches that differ from the defaults, each set under a name. */
    variants: some(
      z.strictObject({
        name: word,
        search: z.custom<SearchOptions>((value) => typeof value === "object" && value !== null),
      }),
    ).default([{ name: "default", search: {} }]),
    /** Fractions of the gates to keep; null keeps the gates that end up open, at the price that the variant sets. */
    densities: some(z.number().gt(0).max(1).nullable()),
    /** Controls beside the learned arm; all that make sense for the space if nothing is said. */
    arms: z.array(z.enum(Object.keys(baselines) as [string, ...string[]])).default(controls.map(({ name }) => name)),
    shots: some(z.number().int().positive()),
    seeds: z.strictObject({ search: seedList }),
    retraining: retrainingSchema.prefault({}),
  })
  .refine(({ pairs, sources, targets }) => (pairs ? !sources && !targets : sources && targets), {
    message: "give pairs, or sources and targets",
  });

/** Searches from every seed, then, for each number of shots, the learned architectures beside controls on the target. */
defineDesign({
  name: "transfer",
  settings: settingsSchema,
  count: ({ pairs, sources = [], targets = [], spaces, strategies, variants, densities, shots, seeds }) => {
    const settings = spaces.length * strategies.length * variants.length * densities.length;
    return (pairs?.length ?? sources.length * targets.length) * settings * (seeds.search.length + shots.length);
  },
  expand: (settings): PlannedTask[] => {
    const {
      sources = [],
      targets = [],
      data,
      spaces,
      strategies,
      variants,
      densities,
      arms,
      shots,
      seeds,
      retraining,
    } = settings;
    const pairs = settings.pairs ?? sources.flatMap((source) => targets.map((target) => ({ source, target })));
    const searches: PlannedTask[] = [];
    const transfers: PlannedTask[] = [];
    for (const { source: name, target } of pairs) {
      const source = sourceSchema.parse({ name, ...data });
      for (const { name: spaceName, space } of spaces) {
        for (const strategy of strategies) {
          for (const { name: variant, search } of variants) {
            for (const density of densities) {
              const labels = { source: name, space: spaceName, strategy, variant, density };
              const learned = seeds.search.map((seed) => {
                const options = searchOptionsSchema.parse({
                  ...search,
                  weights: strategy,
                  ...(density === null ? {} : { density }),
                  seed,
                });
                return makeTask("search", { source, space, search: options });
              });
              searches.push(...learned.map((task, i) => ({ task, labels: { ...labels, seed: seeds.search[i] } })));
              for (const shot of shots) {
                const task = makeTask(
                  "transfer",
                  { source, target, space, arms, shots: shot, retraining },
                  learned.map(({ id }) => id),
                );
                transfers.push({ task, labels: { ...labels, target, shots: shot } });
              }
            }
          }
        }
      }
    }
    return [...searches, ...transfers];
  },
});
