import { join } from "node:path";
import { z } from "zod";
import { TwotempError } from "../../errors.js";
import {
  resumeSearch,
  search,
  type SearchCheckpoint,
  type SearchOptions,
  searchSettings,
  type SearchSettings,
} from "../../search/index.js";
import { loadCheckpoint, saveCheckpoint } from "../checkpoint.js";
import { defineTaskKind } from "../kinds.js";
import { dataHashes, openSource, openSpace, sourceSchema, spaceSchema } from "./workspace.js";

/** Options of a search with their defaults filled in, so that spelling a default out doesn't make another task. */
export const searchOptionsSchema: z.ZodType<SearchSettings, SearchOptions> = z
  .custom<SearchOptions>(
    (options) => typeof options === "object" && options !== null,
    "expected the options of a search",
  )
  .transform((options, context) => {
    try {
      return searchSettings(options);
    } catch (error) {
      context.addIssue({ code: "custom", message: (error as Error).message });
      return z.NEVER;
    }
  });

const settingsSchema = z.strictObject({ source: sourceSchema, space: spaceSchema, search: searchOptionsSchema });

defineTaskKind({
  name: "search",
  settings: settingsSchema,
  module: __filename,
  usesEngine: true,
  execute: async (
    { source, space: spaceData, search: options },
    { scratch, checkpointSeconds = 20, signal, onProgress },
  ) => {
    const { seen } = await openSource(source);
    const space = openSpace(spaceData, seen);
    const path = scratch && join(scratch, "search.checkpoint");
    const checkpoint = path && (loadCheckpoint(path) as SearchCheckpoint | undefined);
    const run = checkpoint ? resumeSearch(space, seen, checkpoint, path) : search(space, seen, options);
    try {
      let saved = performance.now();
      const onStep = (): void => {
        if (!path || performance.now() - saved < 1000 * checkpointSeconds) return;
        saveCheckpoint(path, run.checkpoint());
        saved = performance.now();
      };
      await run.run({ onStep, signal, onProgress });
      if (!run.finished) {
        if (path) saveCheckpoint(path, run.checkpoint());
        throw new TwotempError("experiments/stopped", `stopped at step ${run.step} of ${options.steps}`);
      }
      const architecture = run.architecture();
      const { holds, atFinal, atWorst } = run.certificate();
      const last = run.trace.entries.at(-1);
      return {
        architecture: architecture.toJSON(),
        certificate: { holds: holds ?? null, atFinal: plain(atFinal), atWorst: plain(atWorst) },
        // Without histograms and snapshots, which are many times the rest.
        trace: run.trace.entries.map(({ step, loss, price, complexity, kept }) => ({
          step,
          loss,
          price,
          complexity,
          kept,
        })),
        data: dataHashes(seen),
        rows: [
          {
            seed: options.seed,
            density: architecture.density,
            kept: architecture.mask.reduce((sum, bit) => sum + bit, 0),
            loss: last?.loss ?? null,
            ...architecture.counts,
            holds: holds ?? null,
          },
        ],
      };
    } finally {
      run.dispose();
    }
  },
});

/** Numbers and words of a bound; what isn't finite isn't there. */
function plain(bound: object): Record<string, number | string | boolean> {
  return Object.fromEntries(
    Object.entries(bound).filter(
      ([, value]) =>
        ["string", "boolean"].includes(typeof value) || (typeof value === "number" && Number.isFinite(value)),
    ),
  ) as Record<string, number | string | boolean>;
}
