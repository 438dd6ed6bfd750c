import * as tf from "@tensorflow/tfjs";
import { compiled } from "../engine/index.js";
import { uploaded } from "../engine/native.js";
import { referenceGates } from "../relaxation/index.js";
import { type Budget, exceedance, keepPositive, type SearchSpace } from "../space/index.js";
import { goalOf, isPlainDensity, type SearchSettings } from "./options.js";

/** Steps between two counts of the network. */
const countEvery = 10;

/**
 * The price of complexity, `sum_p gamma_p <c, a>_p`: one `gamma` for all gates, or one for each group of gates where the
 * budget holds in every group; steered to the budget, if there is one.
 *
 * A density is compared with the relaxed complexity `<c, a>` in every step, and the price follows up and down. Anything
 * else is compared, every ten steps, with the exact count of the network whose gates have positive logits: the price rises
 * while that is more, and starts again where it began as soon as it is less. Gates answer late to a price that has grown for
 * long, and would all close before it has come down.
 */
export class Price {
  /** What each gate costs, [gateCount]; where all cost the same under one price, [1]. */
  private readonly costs: tf.Tensor1D;
  /** Of many gates what each costs, where all cost the same under one price. */
  private readonly cost: number | undefined;
  private readonly parts: readonly { readonly offset: number; readonly size: number; readonly share: number }[];
  private readonly goal: Budget | undefined;
  values: readonly number[];

  /** @throws TwotempError `space/budget`, `space/density` for a budget that the space can't have */
  constructor(
    private readonly space: SearchSpace,
    private readonly settings: SearchSettings,
  ) {
    const costs = space.costs(settings.costs);
    this.goal = goalOf(settings);
    // Refuses a budget that the space can't have.
    if (this.goal) exceedance(space, new Uint8Array(space.gateCount).fill(1), this.goal);
    const all = [{ offset: 0, size: space.gateCount }];
    const oneForAll = !this.goal?.everyGroup && costs.every((cost) => cost === costs[0]);
    this.costs = uploaded(oneForAll ? costs.subarray(0, 1) : costs);
    this.parts = (this.goal?.everyGroup ? space.groups : all).map(({ offset, size }) => ({
      offset,
      size,
      share: costs.subarray(offset, offset + size).reduce((sum, cost) => sum + cost, 0),
    }));
    this.cost = oneForAll && space.gateCount > referenceGates ? costs[0] : undefined;
    this.values = this.parts.map(() => settings.penalty);
  }

  /**
   * `<c, a>` of each part, and the price's gradient with respect to the gates, [gateCount], or [1] where it is the same for all; the
   * caller disposes of it.
   *
   * @param sum - of the gates, if it is known
   */
  weigh(gates: tf.Tensor1D, sum?: number): { complexities: Float32Array; gradient: tf.Tensor1D } {
    return tf.tidy(() => {
      if (this.cost !== undefined) {
        const complexity = this.cost * (sum ?? tf.sum(gates).dataSync()[0]);
        return { complexities: Float32Array.of(complexity), gradient: tf.tensor1d([this.cost * this.values[0]]) };
      }
      const [complexities, gradient] = this.weighed(gates, this.costs, tf.tensor1d([...this.values]));
      return { complexities: complexities.dataSync<"float32">(), gradient: gradient as tf.Tensor1D };
    });
  }

  private readonly weighed = compiled((gates, costs, values) => {
    const open = tf.mul(costs, gates) as tf.Tensor1D;
    const of = (vector: tf.Tensor, offset: number, size: number): tf.Tensor1D =>
      this.parts.length === 1 ? (vector as tf.Tensor1D) : tf.slice1d(vector as tf.Tensor1D, offset, size);
    const complexities = this.parts.map(({ offset, size }) => tf.reshape(tf.sum(of(open, offset, size)), [1]));
    const prices = this.parts.map(({ offset, size }, p) =>
      tf.mul(of(costs, offset, size), tf.slice1d(values as tf.Tensor1D, p, 1)),
    );
    return prices.length === 1 ? [complexities[0], prices[0]] : [tf.concat(complexities), tf.concat(prices)];
  });

  /** What these complexities cost. */
  of(complexities: ArrayLike<number>): number {
    return this.values.reduce((sum, value, p) => sum + value * complexities[p], 0);
  }

  /** One price for all: what is paid for each unit of complexity. */
  mean(complexities: ArrayLike<number>): number {
    if (this.parts.length === 1) return this.values[0];
    const complexity = this.values.reduce((sum, _, p) => sum + complexities[p], 0);
    // Of nothing that is open, each group's counts alike.
    if (complexity === 0) return this.values.reduce((sum, value) => sum + value, 0) / this.values.length;
    return this.of(complexities) / complexity;
  }

  /** Raises the price where more is open than asked for, and lowers it where less is. */
  steer(step: number, complexities: ArrayLike<number>, logits: () => ArrayLike<number>): void {
    const { goal } = this;
    if (!goal) return;
    const { densityDecay, steps, steeringRate, penalty } = this.settings;
    const passed = densityDecay > 0 ? Math.min(1, step / (densityDecay * steps)) : 1;
    if (isPlainDensity(goal)) {
      const target = goal.density ** passed;
      const excess = Math.max(-1, Math.min(1, (complexities[0] - target) / target));
      this.values = [this.values[0] * Math.exp(steeringRate * excess)];
    } else if (step % countEvery === 0) {
      const excess = exceedance(this.space, keepPositive(logits()), goal, passed);
      this.values = this.values.map((value, p) =>
        excess[p] < 0 ? penalty : value * Math.exp(steeringRate * countEvery * Math.min(1, excess[p])),
      );
    }
  }

  dispose(): void {
    this.costs.dispose();
  }
}
