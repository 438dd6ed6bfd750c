import { Random } from "../engine/index.js";
import type { Architecture, GateGroup, SearchSpace } from "../space/index.js";
import { type Baseline, onlyKinds } from "./baseline.js";
import { reasonOf, refusal } from "./refusal.js";

/** What a set of operations adds up to: their number, parameters and multiply-adds. */
type Sum = readonly [number, number, number];

/** A {@link Sum} within the goal as one number, far quicker to look up than its parts, or as text where that isn't exact. */
type Key = number | string;

/** A set of operations of one stage, as bits, with what it adds up to. */
interface Choice {
  readonly bits: number;
  readonly sum: Sum;
}

/** Most operations of a stage, of which all sets are listed. */
const largestStage = 16;

/** Draws after which sets whose exact cost is another are given up. */
const mostDraws = 1000;

/** Most distinct sums that are kept of the stages together. */
const largestTable = 2e6;

/** Whole numbers in multiples of the largest unit that divides them all. */
function inLargestUnit(costs: Float64Array): Float64Array {
  const common = (a: number, b: number): number => (b === 0 ? a : common(b, a % b));
  const unit = Math.max(1, costs.reduce(common, 0));
  return costs.map((cost) => cost / unit);
}

function choicesOf({ offset, size }: GateGroup, parameters: Float64Array, multiplyAdds: Float64Array): Choice[] {
  return Array.from({ length: 2 ** size - 1 }, (_, i): Choice => {
    const bits = i + 1;
    let [count, weights, products] = [0, 0, 0];
    for (let k = 0; k < size; k++) {
      if (!((bits >> k) & 1)) continue;
      count += 1;
      weights += parameters[offset + k];
      products += multiplyAdds[offset + k];
    }
    return { bits, sum: [count, weights, products] };
  });
}

/**
 * Draws operations uniformly among all sets that have exactly as many operations, parameters and multiply-adds as a given
 * architecture and at least one operation in each stage.
 *
 * Costs of operations add up as long as no stage dies, so the number of ways to make a sum from the stages from `s` on follows from those from
 * `s + 1` on; stages are then drawn one after another in proportion to the ways that are left.
 */
export class OperationSampler {
  private readonly choices: readonly Choice[][];
  private readonly goal: Sum;
  /** Whether sums within the goal are exact as one number. */
  private readonly numeric: boolean;
  /** Ways to reach a sum with the stages from `s` on. */
  private readonly ways: Map<Key, number>[];

  constructor(
    private readonly space: SearchSpace,
    matched: Architecture,
  ) {
    const parameters = inLargestUnit(space.gateSavings("parameters"));
    const multiplyAdds = inLargestUnit(space.gateSavings("multiplyAdds"));
    const large = space.groups.find(({ size }) => size > largestStage);
    if (large) throw refusal(`${large.name} has ${large.size} operations, more than ${largestStage}`);
    this.choices = space.groups.map((group) => choicesOf(group, parameters, multiplyAdds));
    const total = (costs: ArrayLike<number>): number =>
      matched.mask.reduce((sum, open, gate) => sum + (open ? costs[gate] : 0), 0);
    this.goal = [matched.mask.reduce((sum, open) => sum + open, 0), total(parameters), total(multiplyAdds)];
    this.numeric = this.asNumber(this.goal) <= Number.MAX_SAFE_INTEGER;
    const within = this.room();
    let later = new Map([[this.key([0, 0, 0]), 1]]);
    this.ways = [later];
    for (const [s, stage] of [...this.choices.entries()].reverse()) {
      // Many choices of a stage cost the same.
      const alike = new Map<Key, number>();
      for (const { sum } of stage) {
        if (sum.every((value, i) => value <= this.goal[i]))
          alike.set(this.key(sum), (alike.get(this.key(sum)) ?? 0) + 1);
      }
      const sums = [...alike].map(([key, number]) => ({ sum: this.sumOf(key), number }));
      const now = new Map<Key, number>();
      for (const [key, number] of later) {
        const held = this.sumOf(key);
        for (const { sum, number: times } of sums) {
          const next: Sum = [held[0] + sum[0], held[1] + sum[1], held[2] + sum[2]];
          if (!within(s, next)) continue;
          const at = this.key(next);
          now.set(at, (now.get(at) ?? 0) + number * times);
        }
      }
      if (now.size > largestTable) {
        throw refusal(`sets of operations have more than ${largestTable} distinct costs: gate fewer stages`);
      }
      this.ways.unshift(now);
      later = now;
    }
  }

  /** Whether what a sum of the stages from `s` on lacks of the goal can be had from those before. */
  private room(): (s: number, sum: Sum) => boolean {
    const bounds = (of: (...values: number[]) => number): Sum[] => {
      const sums: Sum[] = [[0, 0, 0]];
      for (const stage of this.choices) {
        const part = (i: number): number => sums.at(-1)![i] + of(...stage.map(({ sum }) => sum[i]));
        sums.push([part(0), part(1), part(2)]);
      }
      return sums;
    };
    const [least, most] = [bounds(Math.min), bounds(Math.max)];
    return (s, sum) =>
      sum.every((value, i) => this.goal[i] - value >= least[s][i] && this.goal[i] - value <= most[s][i]);
  }

  private asNumber([count, parameters, multiplyAdds]: Sum): number {
    return (count * (this.goal[1] + 1) + parameters) * (this.goal[2] + 1) + multiplyAdds;
  }

  private key(sum: Sum): Key {
    return this.numeric ? this.asNumber(sum) : sum.join();
  }

  private sumOf(key: Key): Sum {
    if (typeof key === "string") {
      const [count, parameters, multiplyAdds] = key.split(",").map(Number);
      return [count, parameters, multiplyAdds];
    }
    const rest = Math.floor(key / (this.goal[2] + 1));
    return [Math.floor(rest / (this.goal[1] + 1)), rest % (this.goal[1] + 1), key % (this.goal[2] + 1)];
  }

  /** How many sets of operations have exactly this cost, the matched one among them. */
  get count(): number {
    return this.ways[0].get(this.key(this.goal)) ?? 0;
  }

  /** One of them, as a mask. */
  draw(random: Random): Uint8Array {
    const mask = new Uint8Array(this.space.gateCount);
    let left = this.goal;
    this.space.groups.forEach(({ offset, size }, s) => {
      const fitting = this.choices[s].flatMap(({ bits, sum }) => {
        const rest: Sum = [left[0] - sum[0], left[1] - sum[1], left[2] - sum[2]];
        const number = rest.every((value) => value >= 0) ? (this.ways[s + 1].get(this.key(rest)) ?? 0) : 0;
        return number > 0 ? [{ bits, rest, number }] : [];
      });
      let at = random.uniform() * fitting.reduce((sum, { number }) => sum + number, 0);
      const chosen = fitting.find(({ number }) => (at -= number) < 0) ?? fitting.at(-1)!;
      for (let k = 0; k < size; k++) mask[offset + k] = (chosen.bits >> k) & 1;
      left = chosen.rest;
    });
    return mask;
  }
}

const samplers = new WeakMap<Architecture, OperationSampler>();

/** The sampler of an architecture, made once: its table takes seconds. */
function samplerOf(architecture: Architecture): OperationSampler {
  let sampler = samplers.get(architecture);
  if (!sampler) samplers.set(architecture, (sampler = new OperationSampler(architecture.space, architecture)));
  return sampler;
}

/** Random operations with exactly as many operations, parameters and multiply-adds as the learned ones. */
export const randomOperations: Baseline = {
  name: "random-operations",
  label: "random, same cost and number",
  refuses: (space, learned) => {
    if (!onlyKinds(space, "op")) return "only operations are drawn by this rule";
    try {
      const rare = learned.findIndex((architecture) => samplerOf(architecture).count < 20);
      return rare < 0 ? undefined : `fewer than 20 sets of operations cost what learned architecture ${rare} costs`;
    } catch (error) {
      const reason = reasonOf(error);
      if (reason === undefined) throw error;
      return reason;
    }
  },
  candidates: async ({ space, learned, randomCount, seed }) => {
    return Array.from({ length: randomCount }, (_, i) => {
      const matched = learned[i % learned.length];
      const sampler = samplerOf(matched);
      const random = new Random(seed, "random operations", i);
      const { parameters, multiplyAdds } = matched.counts;
      for (let draw = 0; draw < mostDraws; draw++) {
        const mask = sampler.draw(random);
        if (mask.every((open, gate) => open === matched.mask[gate])) continue;
        // A stage that nothing reads any more takes others with it.
        const liveness = space.liveness(mask);
        const counts = liveness.count();
        if (liveness.cuts.length > 0 || counts.parameters !== parameters || counts.multiplyAdds !== multiplyAdds)
          continue;
        return { architecture: space.architecture(mask, { method: "random-operations", seed, number: i }) };
      }
      throw refusal(
        `no set of operations in ${mostDraws} draws costs what learned architecture ${i % learned.length} costs`,
      );
    });
  },
};
