import { Random } from "../engine/index.js";
import type { SearchSpace } from "../space/index.js";
import { onlyKinds, type Baseline } from "./baseline.js";
import { keepAtCost } from "./keepAtCost.js";

/**
 * How many weights of each kernel an Erdős–Rényi kernel keeps: density in proportion to the sum of the kernel's
 * extents by their product, at most 1, scaled so that the total is met exactly.
 */
export function erkCounts(shapes: readonly (readonly number[])[], total: number): number[] {
  const sizes = shapes.map((shape) => shape.reduce((product, extent) => product * extent, 1));
  const raw = shapes.map((shape) => shape.reduce((sum, extent) => sum + extent, 0));
  let full = new Set<number>();
  let wanted: number[] = [];
  for (;;) {
    const room = sizes.reduce((left, size, k) => (full.has(k) ? left - size : left), total);
    const sum = raw.reduce((all, value, k) => (full.has(k) ? all : all + value), 0);
    wanted = sizes.map((size, k) => (full.has(k) ? size : (room * raw[k]) / sum));
    const over = wanted.flatMap((count, k) => (count > sizes[k] ? [k] : []));
    if (over.length === 0) break;
    full = new Set([...full, ...over]);
  }
  // Largest remainders, so that whole numbers add up.
  const counts = wanted.map(Math.floor);
  const byRemainder = wanted.map((_, k) => k).sort((a, b) => wanted[b] - counts[b] - (wanted[a] - counts[a]) || a - b);
  let left = total - counts.reduce((sum, count) => sum + count, 0);
  for (const k of byRemainder) {
    if (left > 0 && counts[k] < sizes[k]) {
      counts[k]++;
      left--;
    }
  }
  return counts;
}

function erkScores(space: SearchSpace, total: number, random: Random): Float32Array {
  const scores = random.uniforms(space.gateCount);
  const counts = erkCounts(
    space.groups.map(({ shape }) => shape),
    total,
  );
  space.groups.forEach(({ offset, size }, g) => {
    for (const i of random.permutation(size, counts[g])) scores[offset + i] += 1;
  });
  return scores;
}

/**
 * Random weights with the layers' densities of an Erdős–Rényi kernel: small layers are kept denser.
 *
 * Source: Evci, Gale, Menick, Castro, Elsen, Rigging the lottery, 2020, after Mocanu et al., 2018.
 */
export const randomErk: Baseline = {
  name: "random-erk",
  label: "random, Erdős–Rényi kernel",
  refuses: (space) =>
    onlyKinds(space, "weight") ? undefined : "its densities are those of kernels: only weight gates",
  candidates: async ({ space, learned, randomCount, seed }) =>
    Array.from({ length: randomCount }, (_, i) => {
      const matched = learned[i % learned.length];
      const total = matched.mask.reduce((sum, gate) => sum + gate, 0);
      const scores = erkScores(space, total, new Random(seed, "erk architecture", i));
      return { architecture: keepAtCost(space, scores, matched, { method: "random-erk", seed, number: i }) };
    }),
};
