import * as tf from "@tensorflow/tfjs";
import { Random } from "../engine/index.js";
import { TwotempError } from "../errors.js";
import { ridgePredictions } from "../search/index.js";
import { featuresOf, headOf } from "../search/strategies/episode.js";
import { type Architecture, expandGates, gateSlots, type SearchSpace } from "../space/index.js";
import type { Baseline, BaselineContext, Candidate } from "./baseline.js";
import { refusal } from "./refusal.js";
import { randomAtCost } from "./sameCost.js";

/** Episodes that an architecture is scored by, the same for all. */
const episodes = 10;

/**
 * The source score of architectures: the squared error of few-shot ridge regression on the source's classes with fresh
 * weights, averaged over the same episodes for all (the objective of the strategy "episode"). Less is better.
 */
export function sourceScores(
  { space, source, seed }: Pick<BaselineContext, "space" | "source" | "seed">,
  architectures: readonly Architecture[],
): number[] {
  const { plan } = space;
  const slots = gateSlots(plan);
  const smallest = Math.min(...source.rows("train").map((rows) => rows.length));
  if (smallest < 2) {
    throw refusal(
      `the source score needs 2 training examples of each class, the smallest has ${smallest}: use a source with more`,
    );
  }
  const shots = Math.min(5, Math.floor(smallest / 2));
  const sums = new Array<number>(architectures.length).fill(0);
  for (let number = 0; number < episodes; number++) {
    const queries = Math.min(10, smallest - shots);
    const episode = source.episode({ shots, queries, seed, episode: number });
    const rows = [...episode.support, ...episode.queries];
    const oneHot = (labels: Int32Array): tf.Tensor2D =>
      tf.oneHot(tf.tensor1d(labels, "int32"), episode.classes.length) as tf.Tensor2D;
    tf.tidy(() => {
      const inputs = tf.tensor(source.batch("train", rows), [rows.length, ...source.inputShape]);
      const weights = space.initialise(seed, "source score", number);
      const [known, wanted] = [oneHot(episode.supportLabels), oneHot(episode.queryLabels)];
      architectures.forEach(({ mask }, i) => {
        const { values } = expandGates(slots, tf.tensor1d(Float32Array.from(mask)));
        const masked = [...weights];
        slots.forEach(({ call, index }, s) => {
          if (call === undefined) masked[index] = tf.mul(weights[index], values[s]);
        });
        const features = featuresOf(plan, slots, masked, values, inputs);
        const support = features.slice([0, 0], [episode.support.length, -1]);
        const predicted = ridgePredictions(support, known, features.slice([episode.support.length, 0]));
        // Predictions are of labels less their mean.
        const error = tf.squaredDifference(predicted, tf.sub(wanted, 1 / episode.classes.length));
        sums[i] += tf.mean(tf.sum(error, 1)).dataSync()[0] / episodes;
      });
    });
  }
  return sums;
}

/** Why the model has no head that can be solved, or undefined if it has. */
function withoutHead({ plan }: SearchSpace): string | undefined {
  try {
    headOf(plan);
    return undefined;
  } catch (error) {
    if (error instanceof TwotempError) return error.message;
    throw error;
  }
}

/** The best of `count` random architectures of a learned one's cost, by the source score. */
export function bestOfRandom(
  context: Pick<BaselineContext, "space" | "source" | "seed">,
  matched: Architecture,
  count: number,
  number: number,
): Architecture {
  const { space, seed } = context;
  const drawn = Array.from({ length: count }, (_, k) =>
    randomAtCost(space, matched, (draw) => new Random(seed, "best of random", number, k, draw), {
      method: "best-random",
      seed,
      number,
      of: count,
    }),
  );
  const scores = sourceScores(context, drawn);
  return drawn[scores.indexOf(Math.min(...scores))];
}

/** For each learned architecture the best of as many random ones of its cost, by the source score. */
export const bestRandom: Baseline = {
  name: "best-random",
  label: "best of n random, by the source",
  refuses: withoutHead,
  candidates: async (context) =>
    context.learned.map((matched, i): Candidate => ({
      architecture: bestOfRandom(context, matched, context.randomCount, i),
    })),
};
