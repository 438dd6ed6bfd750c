import * as tf from "@tensorflow/tfjs";
import { forward, keepLargest, type SearchSpace } from "../space/index.js";
import type { Baseline, Candidate } from "./baseline.js";
import { withoutWeights } from "./gateSums.js";
import { keepAtCost } from "./keepAtCost.js";
import { refusal } from "./refusal.js";

/** Rounds of scoring and pruning. */
const rounds = 100;

/** Layers through which positive values flow in proportion. */
const flowing = new Set(
  `InputLayer Dense Conv1D Conv2D Conv3D DepthwiseConv2D SeparableConv2D Flatten Reshape Activation ReLU LeakyReLU Dropout
  BatchNormalization Add Concatenate ZeroPadding2D MaxPooling2D AveragePooling2D GlobalAveragePooling2D GlobalMaxPooling2D
  Softmax`.split(/\s+/),
);

/** The first layer behind which doubled positive values aren't doubled, the last softmax aside. */
function hindrance({ plan }: SearchSpace): string | undefined {
  const found = plan.calls.find(({ layer, outputs }) => {
    const { activation, maxValue, threshold } = layer as unknown as {
      activation?: { getClassName(): string };
      maxValue?: number | null;
      threshold?: number;
    };
    if (layer.getClassName() === "ReLU" && ((maxValue ?? undefined) !== undefined || threshold)) return true;
    const last = outputs.includes(plan.outputs[0]);
    const proportional = ["linear", "relu", ...(last ? ["softmax"] : [])];
    return !flowing.has(layer.getClassName()) || (activation && !proportional.includes(activation.getClassName()));
  });
  return found?.layer.name;
}

/**
 * SynFlow's score of every gate, `a dR/da`, with `R` the sum of the model's outputs for an input of ones when every weight
 * stands for its absolute value; for a weight's gate that is `w dR/dw`.
 *
 * @param weights - one tensor a weight of the plan
 * @param mask - the gates, [gateCount]
 * @returns [gateCount]
 */
export function synflowScores(
  { plan, model }: SearchSpace,
  weights: readonly tf.Tensor[],
  mask: ArrayLike<number>,
): Float64Array {
  const scores = tf.tidy(() => {
    const absolute = weights.map((weight) => tf.abs(weight));
    const ones = model.inputs.map(({ shape }) => tf.ones([1, ...(shape.slice(1) as number[])]));
    const gates = tf.tensor1d(Float32Array.from(mask));
    const flow = (open: tf.Tensor): tf.Scalar =>
      tf.sum(
        forward(plan, absolute, open as tf.Tensor1D, ones, { logits: true, scaleByOpenFraction: false })[0],
      ) as tf.Scalar;
    return tf.mul(gates, tf.grad(flow)(gates)).dataSync<"float32">();
  });
  return Float64Array.from(scores);
}

/**
 * SynFlow: prunes an untrained model by the flow of ones through its absolute weights, without data, in many rounds so
 * that no layer is pruned whole.
 *
 * Source: Tanaka, Kunin, Yamins, Ganguli, Pruning neural networks without any data by iteratively conserving synaptic
 * flow, 2020.
 */
export const synflow: Baseline = {
  name: "synflow",
  label: "SynFlow",
  refuses: (space) => {
    const layer = hindrance(space);
    return withoutWeights(space) ?? (layer && `the flow needs layers that keep proportions: ${layer} doesn't`);
  },
  candidates: async ({ space, learned, seed }) =>
    learned.map((matched, i): Candidate => {
      const weights = space.initialise(seed, "synflow", i);
      let mask: Uint8Array = new Uint8Array(space.gateCount).fill(1);
      let scores: Float64Array = new Float64Array();
      for (let round = 1; round <= rounds; round++) {
        scores = synflowScores(space, weights, mask);
        if (!scores.every(Number.isFinite))
          throw refusal("the flow leaves the range of 32-bit numbers: too many layers");
        const part = matched.density ** (round / rounds);
        // Closed gates stay closed.
        const open = scores.map((score, gate) => (mask[gate] ? score : -1));
        if (round < rounds) mask = keepLargest(open, part, space.gateCount);
        else scores = open;
      }
      tf.dispose(weights);
      return { architecture: keepAtCost(space, scores, matched, { method: "synflow", seed, number: i }) };
    }),
};
