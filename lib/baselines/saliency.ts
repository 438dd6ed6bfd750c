import * as tf from "@tensorflow/tfjs";
import { Random } from "../engine/index.js";
import { batchOf } from "../search/batches.js";
import type { Batch } from "../search/objective.js";
import type { Baseline, BaselineContext, Candidate } from "./baseline.js";
import { keepAtCost } from "./keepAtCost.js";

/** Most examples that a score at initialisation looks at. */
const examples = 512;

/** Training examples of the source for scores, drawn without repetition; the caller disposes of them. */
function drawBatch({ source, seed }: BaselineContext, number: number): Batch {
  const count = Math.min(examples, source.train.count);
  return batchOf(source, "train", new Random(seed, "saliency batch", number).permutation(source.train.count, count));
}

/** Scores of the gates of a freshly drawn, untrained model, [gateCount]: what scores highest is kept. */
export type Saliency = (context: BaselineContext, weights: readonly tf.Tensor[], batch: Batch) => Float64Array;

/** Prunes before any training: one fresh draw and one batch of the source an architecture, then re-initialised. */
export function pruneAtStart(name: string, saliency: Saliency): Baseline["candidates"] {
  return async (context) => {
    const { space, learned, seed } = context;
    return learned.map((matched, i): Candidate => {
      const weights = space.initialise(seed, name, i);
      const batch = drawBatch(context, i);
      const scores = saliency(context, weights, batch);
      tf.dispose([weights, batch.inputs, batch.labels]);
      return { architecture: keepAtCost(space, scores, matched, { method: name, seed, number: i }) };
    });
  };
}
