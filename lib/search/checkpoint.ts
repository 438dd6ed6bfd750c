import { createHash } from "node:crypto";
import { z } from "zod";
import type { Dataset } from "../data/index.js";
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

/** What a search is of, as hashes. */
export interface Subject {
  /** Of the layers, how they are joined, their weights' shapes, and the gates; names don't matter. */
  readonly model: string;
  /** Of the training examples, and what they are multiplied with. */
  readonly data: string;
}

/** What tells searches of other models, gates or data from this one. */
export function subjectOf({ plan, groups }: SearchSpace, dataset: Dataset): Subject {
  const calls = plan.calls.map(({ layer, inputs, outputs, weights }) => {
    return [layer.getClassName(), layer.getConfig(), inputs, outputs, weights];
  });
  const gates = groups.map(({ kind, offset, size, shape }) => [kind, offset, size, shape]);
  const shapes = plan.weights.map(({ shape, trainable, gateOffset }) => [shape, trainable, gateOffset]);
  // Layers without a name of their own are numbered as they are made.
  const model = JSON.stringify([calls, shapes, gates], (key, value: unknown) => (key === "name" ? undefined : value));
  const { inputs, labels } = dataset.train;
  const data = createHash("sha256").update(JSON.stringify([dataset.inputShape, dataset.classCount, dataset.scale]));
  for (const { buffer, byteOffset, byteLength } of [inputs, labels]) {
    data.update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return { model: createHash("sha256").update(model).digest("hex"), data: data.digest("hex") };
}

/** The search that a checkpoint has to be of. */
interface CheckpointContext {
  readonly subject: Subject;
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
  { subject, settings, space, fresh, prices, where }: CheckpointContext,
): void {
  const others = { model: "another model or other gates", data: "other training examples" };
  for (const [part, other] of Object.entries(others) as [keyof Subject, string][]) {
    if (checkpoint.subject?.[part] === subject[part]) continue;
    throw new TwotempError(
      "search/checkpoint",
      `${where}: subject.${part}: is of a search with ${other}; give the same, or begin the search again`,
    );
  }
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
    `${where}: ${field}: ${message}; go on with another checkpoint (saveCheckpoint and loadCheckpoint keep all of one, JSON doesn't), or begin the search again`,
  );
}
