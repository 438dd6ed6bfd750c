import { z } from "zod";
import { baselines, controls } from "../../baselines/index.js";
import type { SearchOptions } from "../../search/index.js";
import { defineDesign, type PlannedTask } from "../experiment.js";
import { makeTask } from "../task.js";
import { searchOptionsSchema } from "../tasks/search.js";
import { retrainingSchema } from "../tasks/transfer.js";
import { dataName, type SourceData, sourceSchema, spaceSchema } from "../tasks/workspace.js";
import { named, seedList, some, word } from "./schemas.js";

const count = z.number().int().positive().max(10_000);
const densityList = some(z.number().gt(0).max(1).nullable());
const armList = z.array(z.enum(Object.keys(baselines) as [string, ...string[]]));

/** A source's settings except its name; checked with the name. */
type DataSettings = Partial<Omit<SourceData, "name">>;
const dataSchema = z.custom<DataSettings>(
  (value) =>
    typeof value === "object" && value !== null && sourceSchema.safeParse({ ...value, name: "digits" }).success,
  "expected heldOut, examples, labels, images or seed of a source",
);

const settingsSchema = z
  .strictObject({
    /** Every source with every target, or pairs, which may have densities and arms of their own. */
    sources: some(dataName).optional(),
    targets: some(dataName).optional(),
    pairs: some(
      z.strictObject({
        source: dataName,
        target: dataName,
        densities: densityList.optional(),
        arms: armList.optional(),
      }),
    ).optional(),
    /** Of every source: the fraction held out, how many examples searches see, with which labels; images of both sides. */
    data: dataSchema.default({}),
    /** Where architectures are searched and, if that is another one of the same gates, retrained. */
    spaces: named(z.strictObject({ name: word, space: spaceSchema, retrained: spaceSchema.optional() })),
    strategies: some(z.enum(["fixed", "resample", "reset", "joint", "constant", "episode"])),
    /** Settings of searches, and of their data, that differ from the defaults, each set under a name. */
    variants: named(
      z.strictObject({
        name: word,
        search: z.custom<SearchOptions>(
          (value) =>
            typeof value === "object" && value !== null && !["weights", "seed"].some((setting) => setting in value),
          "expected options of a search, without weights and seed, which strategies and seeds give",
        ),
        data: dataSchema.optional(),
      }),
    ).default([{ name: "default", search: {} }]),
    /** Fractions of the gates to keep; null keeps the gates that end up open, at the price that the variant sets. */
    densities: densityList,
    /** Controls beside the learned arm; all that make sense for the space if nothing is said. */
    arms: armList.default(controls.map(({ name }) => name)),
    /** The arm "best-random", made by tasks of its own: random architectures scored for each of the first learned ones. */
    bestOf: z.strictObject({ architectures: count, searches: count }).optional(),
    shots: some(z.number().int().positive()),
    seeds: z.strictObject({
      // A search that is there twice would count as two.
      search: seedList.refine((seeds) => new Set(seeds).size === seeds.length, "expected each seed once"),
    }),
    retraining: retrainingSchema.prefault({}),
  })
  .refine(({ pairs, sources, targets }) => (pairs ? !sources && !targets : sources && targets), {
    message: "give pairs, or sources and targets",
  })
  .refine(
    ({ densities, variants }) =>
      densities.every((asked) => asked === null) || !variants.some(({ search }) => "density" in search),
    { message: "give densities, or null and a density in a variant" },
  );

/**
 * Searches from every seed, the best of random architectures if they are asked for, then the learned architectures beside
 * controls on the target.
 */
defineDesign({
  name: "transfer",
  settings: settingsSchema,
  count: ({ pairs, sources = [], targets = [], spaces, strategies, variants, densities, seeds }) => {
    const settings = spaces.length * strategies.length * variants.length;
    const several = pairs
      ? pairs.reduce((sum, pair) => sum + (pair.densities ?? densities).length, 0)
      : sources.length * targets.length * densities.length;
    return settings * several * (2 * seeds.search.length + 1);
  },
  expand: (settings): PlannedTask[] => {
    const { sources = [], targets = [], spaces, strategies, variants, shots, seeds, retraining } = settings;
    const crossed = sources.flatMap((source) => targets.map((target) => ({ source, target })));
    const pairs: NonNullable<typeof settings.pairs> = settings.pairs ?? crossed;
    const searches: PlannedTask[] = [];
    const bests: PlannedTask[] = [];
    const transfers: PlannedTask[] = [];
    for (const { source: name, target, densities = settings.densities, arms = settings.arms } of pairs) {
      for (const { name: spaceName, space, retrained = space } of spaces) {
        for (const strategy of strategies) {
          for (const { name: variant, search, data } of variants) {
            const source = sourceSchema.parse({ ...settings.data, ...data, name });
            for (const asked of densities) {
              const labels = { source: name, space: spaceName, strategy, variant, asked };
              const density = asked === null ? {} : { density: asked };
              const learned = seeds.search.map((seed): PlannedTask => {
                const options = searchOptionsSchema.parse({ ...search, weights: strategy, ...density, seed });
                return { task: makeTask("search", { source, space, search: options }), labels: { ...labels, seed } };
              });
              const best = learned.flatMap(({ task, labels: own }, i): PlannedTask[] => {
                if (!settings.bestOf || i >= settings.bestOf.searches) return [];
                const scored = { source, space, of: settings.bestOf.architectures, seed: seeds.search[i] };
                return [{ task: makeTask("best-random", scored, [task.id]), labels: own }];
              });
              const rivals = best.length > 0 ? [{ arm: "best-random", architectures: best.length }] : [];
              searches.push(...learned);
              bests.push(...best);
              transfers.push({
                task: makeTask(
                  "transfer",
                  { source, target, space: retrained, arms, rivals, shots, retraining },
                  [...learned, ...best].map(({ task }) => task.id),
                ),
                labels: { ...labels, target },
              });
            }
          }
        }
      }
    }
    return [...searches, ...bests, ...transfers];
  },
});
