import * as tf from "@tensorflow/tfjs";
import { type GateGradient, gateGradientOfWeights, maskedWeights } from "../engine/gatedWeights.js";
import { type Address, compiled, softmaxCrossEntropy } from "../engine/index.js";
import {
  collectGateGradient,
  expandGates,
  type ForwardOptions,
  forwardSlots,
  type GatedInput,
  type GateSlot,
  slotsTile,
} from "../space/forward.js";
import { isNoisy } from "../space/noise.js";
import type { Plan } from "../space/types.js";

/** One batch of labelled examples as tensors: inputs [batch, ...inputShape], labels one-hot [batch, classes]. */
export interface Batch {
  readonly inputs: tf.Tensor;
  readonly labels: tf.Tensor2D;
}

/** A loss and its gradients at one architecture. */
export type Evaluation = {
  readonly loss: tf.Scalar;
  /** With respect to the gates, [gateCount]; without the price of complexity. */
  readonly gateGradient: tf.Tensor1D;
  /** With respect to the trainable weights, in the plan's order; empty when not asked for. */
  readonly weightGradients: tf.Tensor[];
};

/** What a loss sees of one functional call: the masked weights and the gates at the inputs. */
export type Loss = (weights: readonly tf.Tensor[], slotGates: readonly tf.Tensor[]) => tf.Scalar;

/**
 * The loss of a gated model and its gradients with respect to the gates and, if asked for, the trainable weights.
 *
 * Gates enter as `a f` with `f` the factor that keeps the variance (see {@link expandGates}); a gated weight is
 * `W a f`, so that from the gradient `G` of the masked weight follow `dW = G a f` and `da = G W f`.
 *
 * @param weights - one tensor a weight of the plan
 * @param gates - [gateCount]
 */
export function differentiate(
  plan: Plan,
  slots: readonly GateSlot[],
  weights: readonly tf.Tensor[],
  gates: tf.Tensor1D,
  loss: Loss,
  wantWeights: boolean,
): Evaluation {
  return tf.tidy(() => {
    // Slots of weights come first.
    const slotOf = new Map(slots.flatMap(({ call, index }, s) => (call === undefined ? [[index, s]] : [])));
    const own = slots.slice(0, slotOf.size).map(({ index }) => weights[index]);
    const onWeights = own.length > 0 && own.length === slots.length && slotsTile(slots, gates.size);
    const joint = onWeights ? maskedWeights(gates, own) : undefined;
    // The op makes no vectors of scaled gates, and only inputs' slots would read them.
    const { values, factors } = joint ? { values: [], factors: joint.factors } : expandGates(slots, gates);
    const maskedOwn = joint?.masked ?? own.map((weight, s) => tf.mul(weight, values[s]));
    const masked = weights.map((weight, w) => (slotOf.has(w) ? maskedOwn[slotOf.get(w)!] : weight));
    const varied = plan.weights.flatMap((spec, w) => (slotOf.has(w) || (wantWeights && spec.trainable) ? [w] : []));
    const inputSlots = slots.flatMap((slot, s) => (slot.call === undefined ? [] : [s]));
    const position = new Map(varied.map((w, i) => [w, i]));

    const variables = [...varied.map((w) => masked[w]), ...inputSlots.map((s) => values[s])];
    const { value, grads } = tf.valueAndGrads((...given: tf.Tensor[]) => {
      const all = [...masked];
      varied.forEach((w, i) => (all[w] = given[i]));
      const slotGates = [...values];
      inputSlots.forEach((s, i) => (slotGates[s] = given[varied.length + i]));
      return loss(all, slotGates);
    })(variables);

    const slotGradients = slots.map((slot, s) =>
      slot.call === undefined ? grads[position.get(slot.index)!] : grads[varied.length + inputSlots.indexOf(s)],
    );
    const { ofGates, ofWeights } = joint
      ? gateGradientOfWeights(gates, slotGradients, own, joint.factors, wantWeights)
      : gateGradient(plan, slots, slotGradients, own, factors, wantWeights ? values.slice(0, own.length) : []);
    const weightGradients = wantWeights
      ? plan.weights.flatMap((spec, w) => {
          if (!spec.trainable) return [];
          return [slotOf.has(w) ? ofWeights[slotOf.get(w)!] : grads[position.get(w)!]];
        })
      : [];
    return { loss: value as tf.Scalar, gateGradient: ofGates, weightGradients };
  });
}

/**
 * The gradient with respect to the gates, from those of masked weights and of what the inputs' slots read, and with respect to the
 * weights of the first slots, of which `masks` has the masks.
 */
function gateGradient(
  plan: Plan,
  slots: readonly GateSlot[],
  gradients: readonly tf.Tensor[],
  own: readonly tf.Tensor[],
  factors: readonly (tf.Tensor | undefined)[],
  masks: readonly tf.Tensor[],
): GateGradient {
  const products = gradients.map((gradient, s) => (own[s] ? tf.mul(gradient, own[s]) : gradient));
  return {
    ofGates: collectGateGradient(slots, products, factors, plan.gateCount),
    ofWeights: masks.map((mask, s) => tf.mul(gradients[s], mask)),
  };
}

/** What the loss of a training step is given besides weights, gates and batch. */
export type StepContext = Pick<ForwardOptions, "dropout" | "onMovingStatistics">;

/** The loss of one training step on the tensors of its batch. */
export type StepLoss = (
  weights: readonly tf.Tensor[],
  slotGates: readonly tf.Tensor[],
  batch: readonly tf.Tensor[],
  context: StepContext,
) => tf.Scalar;

/** One step's evaluation: as {@link differentiate}, with the new moving statistics by weight. */
export type StepEvaluation = Evaluation & { readonly moved: Record<number, tf.Tensor> };

/**
 * {@link differentiate} for the steps of a search or a training, compiled to one op where no dropout masks are drawn.
 *
 * @param wantWeights - whether gradients with respect to the trainable weights are wanted
 * @returns the evaluation of a step: weights in the plan's order, gates [gateCount], the tensors of its batch, and where
 *   its dropout masks are drawn; the caller disposes of the result
 */
export function stepEvaluator(
  plan: Plan,
  slots: readonly GateSlot[],
  loss: StepLoss,
  wantWeights: boolean,
): (
  weights: readonly tf.Tensor[],
  gates: tf.Tensor1D,
  batch: readonly tf.Tensor[],
  dropout: Address,
) => StepEvaluation {
  // Which weights move follows from the plan; the order is that of the outputs.
  let movedWeights: number[] = [];
  const evaluate = (
    weights: readonly tf.Tensor[],
    gates: tf.Tensor1D,
    batch: readonly tf.Tensor[],
    dropout?: Address,
  ): tf.Tensor[] => {
    const moved = new Map<number, tf.Tensor>();
    const onMovingStatistics = (weight: number, value: tf.Tensor): void => void moved.set(weight, tf.keep(value));
    const step: Loss = (given, slotGates) => loss(given, slotGates, batch, { dropout, onMovingStatistics });
    const found = differentiate(plan, slots, weights, gates, step, wantWeights);
    movedWeights = [...moved.keys()];
    const values = [...moved.values()].map((value) => tf.clone(value));
    tf.dispose([...moved.values()]);
    return [found.loss, found.gateGradient, ...found.weightGradients, ...values];
  };
  const count = plan.weights.length;
  const run = compiled((...given) =>
    evaluate(given.slice(0, count), given[count] as tf.Tensor1D, given.slice(count + 1)),
  );
  const gradients = wantWeights ? plan.weights.filter(({ trainable }) => trainable).length : 0;
  const eager = plan.calls.some(({ layer }) => isNoisy(layer));
  return (weights, gates, batch, dropout) => {
    const made = eager ? tf.tidy(() => evaluate(weights, gates, batch, dropout)) : run(...weights, gates, ...batch);
    const [value, gateGradient, ...rest] = made;
    return {
      loss: value as tf.Scalar,
      gateGradient: gateGradient as tf.Tensor1D,
      weightGradients: rest.slice(0, gradients),
      moved: Object.fromEntries(movedWeights.map((weight, i) => [weight, rest[gradients + i]])),
    };
  };
}

/**
 * The mean cross entropy of the model's first output in training, as a {@link StepLoss} of inputs and labels.
 *
 * @param statistics - whether moving statistics are wanted; a search judges by those of the batch alone
 */
export function trainingCrossEntropy(plan: Plan, slots: readonly GatedInput[], statistics: boolean): StepLoss {
  return (weights, slotGates, [inputs, labels], { dropout, onMovingStatistics }) => {
    const options = { training: true, dropout, ...(statistics && { onMovingStatistics }) };
    return crossEntropy(plan, slots, { inputs, labels: labels as tf.Tensor2D }, options)(weights, slotGates);
  };
}

/** The mean cross entropy of the model's first output on a batch, as a {@link Loss}. */
export function crossEntropy(plan: Plan, slots: readonly GatedInput[], batch: Batch, options: ForwardOptions): Loss {
  return (weights, slotGates) => {
    const [logits] = forwardSlots(plan, slots, weights, slotGates, [batch.inputs], { ...options, logits: true });
    return softmaxCrossEntropy(batch.labels, logits as tf.Tensor2D);
  };
}
