import { Random } from "../engine/random.js";

/** Standard logistic numbers, one a gate, addressed by seed and step. */
export function logisticNoise(gateCount: number, seed: number, step: number): Float64Array {
  const random = new Random(seed, "gate noise", step);
  return Float64Array.from({ length: gateCount }, () => {
    // Half a unit of the generator away from 0 and 1, so that both logarithms are finite.
    const u = random.uniform() + 2 ** -33;
    return Math.log(u) - Math.log1p(-u);
  });
}
