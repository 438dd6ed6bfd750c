import * as tf from "@tensorflow/tfjs";
import { TwotempError } from "../errors.js";
import { forward } from "../space/forward.js";
import type { Plan } from "../space/types.js";

/** What a step was computed from. */
export interface StepNumbers {
  readonly plan: Plan;
  /** In the plan's order. */
  readonly weights: readonly tf.Tensor[];
  /** [gateCount] */
  readonly gates: tf.Tensor1D;
  /** [batch, ...inputShape] */
  readonly inputs: tf.Tensor;
  /** What to try where trained weights have grown out of all bounds; undefined for weights that are drawn. */
  readonly remedy: string | undefined;
}

/**
 * Ends a step whose loss isn't a finite number, naming the step, the first place where numbers go wrong, and what to try.
 *
 * @throws TwotempError `search/not-finite`
 */
export function checkLoss(loss: tf.Scalar, step: number, numbers: StepNumbers): void {
  const [value] = loss.dataSync();
  if (Number.isFinite(value)) return;
  const { place, remedy } = tf.tidy(() => whereWrong(numbers));
  throw new TwotempError("search/not-finite", `loss is ${value} at step ${step}: ${place}; ${remedy}`);
}

/**
 * Refuses weights that a step has made infinite or no numbers, lest a checkpoint keeps them.
 *
 * @throws TwotempError `search/not-finite`
 */
export function checkWeights(plan: Plan, weights: readonly Float32Array[], step: number, remedy: string): void {
  weights.forEach((values, w) => {
    const value = firstBad(values);
    if (value === undefined) return;
    const place = `a weight of layer "${layerOf(plan, w)}" is ${value}`;
    throw new TwotempError("search/not-finite", `step ${step}: ${place}; ${remedy}`);
  });
}

/** In the examples, in a layer's weights, in what a layer makes of finite numbers, or in the loss alone. */
function whereWrong({ plan, weights, gates, inputs, remedy }: StepNumbers): { place: string; remedy: string } {
  const inData = "look for missing or extreme values in the data, and standardise them";
  const example = firstBad(inputs.dataSync());
  if (example !== undefined) return { place: `the examples hold ${example}`, remedy: inData };
  for (const [w, weight] of weights.entries()) {
    const value = firstBad(weight.dataSync());
    if (value === undefined) continue;
    return { place: `a weight of layer "${layerOf(plan, w)}" is ${value}`, remedy: remedy ?? inData };
  }
  for (const { layer, outputs } of plan.calls) {
    const [made] = forward(plan, weights, gates, [inputs], { training: true, until: outputs[0] });
    const value = firstBad(made.dataSync());
    if (value !== undefined) return { place: `layer "${layer.name}" gives ${value}`, remedy: remedy ?? inData };
  }
  return { place: "the loss of finite outputs overflows", remedy: remedy ?? inData };
}

function firstBad(values: ArrayLike<number>): number | undefined {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return values[i];
  return undefined;
}

function layerOf(plan: Plan, weight: number): string {
  return plan.calls.find((call) => call.weights.includes(weight))?.layer.name ?? String(weight);
}
