import { z } from "zod";
import { TwotempError } from "../errors.js";
import type { Numbers, RelaxationState } from "../relaxation/index.js";
import type { SearchSpace } from "../space/index.js";
import { searchSettings } from "./options.js";
import type { SearchCheckpoint } from "./search.js";
import { histogramBins } from "./trace.js";

const count = z.number().int().nonnegative();
const sum = z.number().nonnegative();
const versioned = z.object({ version: z.literal(1), step: count, settings: z.record(z.string(), z.unknown()) });

/** A checkpoint's settings, by which all its sizes are known. */
export function checkpointSettings(checkpoint: SearchCheckpoint, where: string): SearchCheckpoint["settings"] {
  const known = versioned.safeParse(checkpoint);
  if (!known.success) throw refusal(where, known.error);
  const invalid = (message: string, cause?: unknown): TwotempError =>
    new TwotempError("search/checkpoint", `${where}: settings: ${message}`, { cause });
  let settings: SearchCheckpoint["settings"];
  try {
    settings = searchSettings(checkpoint.settings);
  } catch (error) {
    throw invalid((error as Error).message, error);
  }
  // A search saves all of them; a default would make another search of it.
  for (const [key, value] of Object.entries(settings)) {
    if (value !== undefined && !(key in checkpoint.settings)) throw invalid(`${key} is missing`);
  }
  return settings;
}

/** The search that a checkpoint has to be of. */
interface CheckpointContext {
  readonly settings: SearchCheckpoint["settings"];
  readonly space: SearchSpace;
  /** The relaxation before its first step, which a saved one looks like. */
  readonly fresh: RelaxationState;
  /** How many prices the search has. */
  readonly prices: number;
  /** Names the checkpoint in errors. */
  readonly where: string;
}

/**
 * Refuses a checkpoint whose contents aren't those of a search in this space.
 *
 * @throws TwotempError `search/checkpoint` naming the field
 */
export function checkCheckpoint(
  checkpoint: SearchCheckpoint,
  { settings, space, fresh, prices, where }: CheckpointContext,
): void {
  const parsed = schemaOf(checkpoint.step, settings, space, fresh, prices).safeParse(checkpoint);
  if (!parsed.success) throw refusal(where, parsed.error);
}

/** What z.number() is for a number, for a vector: all finite, of the type and the length of another. */
const like = <T extends Numbers>(vector: T, most: number = Infinity, least: number = -most): z.ZodType =>
  z.instanceof(vector.constructor as new () => T).refine((values) => fits(values, vector.length, least, most), {
    error: `expected ${vector.length} finite numbers${most < Infinity || least === 0 ? ` from ${least} to ${most}` : ""}`,
  });
const fits = (values: Numbers, length: number, least: number, most: number): boolean =>
  values.length === length && values.every((value) => Number.isFinite(value) && value >= least && value <= most);

function schemaOf(
  step: number,
  settings: SearchCheckpoint["settings"],
  space: SearchSpace,
  fresh: RelaxationState,
  prices: number,
): z.ZodType {
  const taken = z.literal(step, { error: `expected the checkpoint's step, ${step}` });
  const { range, gateSquares, products, vector } = fresh.accumulators;
  const tuple = (vectors: readonly Numbers[]): z.ZodType =>
    z.tuple(vectors.map((vector) => like(vector)) as unknown as [z.ZodType]);
  const open = z
    .instanceof(Uint8Array)
    .refine((gates) => gates.length === space.gateCount && gates.every((gate) => gate < 2), {
      error: `expected ${space.gateCount} gates, 0 or 1`,
    })
    .optional();
  const trained = ["joint", "reset"].includes(settings.weights) && step > 0;
  const weights = space.plan.weights.map(
    ({ shape }) => new Float32Array(shape.reduce((size: number, n) => size * (n ?? 1), 1)),
  );
  return z.object({
    step: count.max(settings.steps),
    prices: z.array(sum).length(prices),
    unrecorded: z.object({ loss: z.number(), steps: count }),
    relaxation: z.object({
      steps: taken,
      // Rounding may leave the box by a hair.
      logits: like(fresh.logits, 1.000001 * settings.logitBound),
      memory: tuple(fresh.memory),
      meanLoss: z.number().optional(),
      accumulators: z.object({
        steps: taken,
        products: like(products),
        vector: like(vector),
        squares: sum,
        largest: sum,
        gateSquares: gateSquares ? like(gateSquares, Infinity, 0) : z.undefined(),
        range: range ? z.object({ lowest: like(range.lowest), highest: like(range.highest) }) : z.undefined(),
      }),
      pending: z.object({ products: like(fresh.pending.products), vector: like(fresh.pending.vector) }),
    }),
    strategy: trained
      ? z.object({
          weights: tuple(weights),
          optimizer: z.record(
            z.string(),
            z.array(
              z.instanceof(Float32Array).refine((values) => values.every(Number.isFinite), "expected finite numbers"),
            ),
          ),
          open,
        })
      : z.object({ open }),
    trace: z.object({
      entries: z.array(
        z.object({
          step: count,
          loss: z.number(),
          price: sum,
          complexity: z.number(),
          kept: z.array(z.number()).length(space.groups.length),
          histogram: z.array(count).length(histogramBins),
        }),
      ),
      snapshots: z.array(z.object({ step: count, logits: z.array(z.number()).length(space.gateCount) })),
    }),
  });
}

function refusal(where: string, error: z.ZodError): TwotempError {
  const [{ path, message }] = error.issues;
  const field = path.join(".") || "its content";
  return new TwotempError(
    "search/checkpoint",
    `${where}: ${field}: ${message}; go on with another checkpoint, or begin the search again`,
  );
}
