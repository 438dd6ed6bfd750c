import * as tf from "@tensorflow/tfjs";
import { type Address, Random } from "../engine/index.js";
import { narrow, type Narrowed } from "../space/narrow.js";
import type { StrategyContext } from "./strategies/strategy.js";
import { type StepEvaluation, stepEvaluator, trainingCrossEntropy } from "./objective.js";

/** A forward gate that falls below the first is left out; it is taken in again when it has risen to the second. */
const [leftOutBelow, takenInFrom] = [0.02, 0.1];

/** The network is laid out anew when it would have at most this part of the multiply-adds that it has. */
const worthwhile = 0.8;

/**
 * Evaluates the steps of a search, at the price of the gates that are open.
 *
 * One step of each block of `k = wholeEvery` evaluates all gates, at a random place, lest it always fall on the same step
 * after a redraw of the weights. The others evaluate the network without those that were closed when the block began, which
 * would have let through a tenth of what an open gate does at most. The loss has no gradient for them then, and on the
 * whole step theirs counts `k` times: `E g = 1/k (k g) + (k-1)/k 0` for the same weights. So a gate that was closed can come
 * back, and the certificate holds for the gradients that the search used.
 *
 * Weights that are trained aren't the same: those of units that are left out are trained on whole steps only, so that their
 * gates are pulled open less. For gates held closed, by six seeds on a small problem, the loss's mean gradient with `k = 10`
 * was 0.16 to 0.20 of that with `k = 1`.
 */
export class NarrowingEvaluator {
  /** Evaluates all gates, whatever is left out. */
  readonly whole: ReturnType<typeof stepEvaluator>;
  private narrowed: Narrowed | undefined;
  private small: ReturnType<typeof stepEvaluator> | undefined;
  /** The gates that the network is laid out for: 1 where open. Undefined while all are. */
  private open: Uint8Array | undefined;

  constructor(
    private readonly context: Pick<StrategyContext, "space" | "slots" | "wholeEvery">,
    private readonly wantWeights: boolean,
  ) {
    const { space, slots } = context;
    this.whole = stepEvaluator(space.plan, slots, trainingCrossEntropy(space.plan, slots, false), wantWeights);
  }

  /** As {@link stepEvaluator}'s, at a step. */
  evaluate(
    step: number,
    weights: readonly tf.Tensor[],
    gates: tf.Tensor1D,
    batch: readonly tf.Tensor[],
    dropout: Address,
  ): StepEvaluation {
    const { wholeEvery } = this.context;
    // Before it is used, from gates that a step which is refused leaves as they are.
    if (wholeEvery > 1 && step > 0 && step % wholeEvery === 0) this.layOut(gates.dataSync());
    const { open, small } = this;
    if (!open || !small) return this.whole(weights, gates, batch, dropout);
    if (!this.isWhole(step, dropout)) return small(weights, gates, batch, dropout);
    const evaluation = this.whole(weights, gates, batch, dropout);
    return { ...evaluation, gateGradient: this.weighted(evaluation.gateGradient, open) };
  }

  /** Whether it is the whole step of its block: the first of the first block, of each other a random one. */
  private isWhole(step: number, [seed]: Address): boolean {
    const { wholeEvery } = this.context;
    const block = Math.floor(step / wholeEvery);
    const place = block && new Random(seed, "whole", block).integer(wholeEvery);
    return step % wholeEvery === place;
  }

  /** The gradient of gates that the other steps of the block have none for stands for those steps too. */
  private weighted(gradient: tf.Tensor1D, open: Uint8Array): tf.Tensor1D {
    const { wholeEvery } = this.context;
    const times = tf.tensor1d(Float32Array.from(open, (isOpen) => (isOpen ? 1 : wholeEvery)));
    const product = tf.mul<tf.Tensor1D>(gradient, times);
    tf.dispose([gradient, times]);
    return product;
  }

  /** Lays the network out for more gates if it must, for fewer if that pays. */
  private layOut(gates: ArrayLike<number>): void {
    const { space } = this.context;
    const laidOut = this.open;
    const open = Uint8Array.from(gates, (gate) => (gate < leftOutBelow ? 0 : 1));
    const multiplyAdds = (mask: Uint8Array): number => space.count(mask).multiplyAdds;
    const risen = laidOut?.some((isOpen, gate) => !isOpen && gates[gate] >= takenInFrom);
    const now = laidOut ? multiplyAdds(laidOut) : space.full.multiplyAdds;
    if (risen || (open.includes(0) && multiplyAdds(open) <= worthwhile * now)) this.load(open);
  }

  /** For a checkpoint: the gates that the network is laid out for. */
  save(): Uint8Array | undefined {
    return this.open;
  }

  load(open: Uint8Array | undefined): void {
    this.dispose();
    this.narrowed = open && narrow(this.context.space, this.context.slots, open);
    if (!this.narrowed) return;
    this.open = open;
    const { space, slots } = this.context;
    const { plan, slots: places, weights: take, slotGates, unused } = this.narrowed;
    const inner = trainingCrossEntropy(plan, places, false);
    const loss: typeof inner = (weights, gates, batch, context) => {
      const value = inner(take(weights), slotGates(gates), batch, context);
      // What belongs to layers that are gone has a gradient too, of zeros.
      return unused(weights, gates).reduce<tf.Scalar>((sum, all) => tf.add(sum, tf.mul(0, tf.sum(all))), value);
    };
    this.small = stepEvaluator(space.plan, slots, loss, this.wantWeights);
  }

  dispose(): void {
    this.narrowed?.dispose();
    this.narrowed = this.small = this.open = undefined;
  }
}
