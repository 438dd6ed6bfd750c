import { TwotempError } from "../errors.js";

/**
 * The vertex that keeps the largest scores: exactly `round(density * gateCount)` gates, at least one, ties broken by
 * index (lower first).
 *
 * @param scores - one a gate
 * @param density - fraction to keep, in (0, 1]
 * @throws TwotempError `space/density`, `space/mask`
 */
export function keepLargest(scores: ArrayLike<number>, density: number, gateCount: number): Uint8Array {
  if (!(density > 0 && density <= 1)) {
    throw new TwotempError("space/density", `density must be in (0, 1], got ${density}`);
  }
  if (scores.length !== gateCount) {
    throw new TwotempError("space/mask", `there are ${scores.length} scores, the space has ${gateCount} gates`);
  }
  const keep = Math.max(1, Math.round(density * gateCount));
  const mask = new Uint8Array(gateCount);
  for (const gate of byScore(scores).subarray(0, keep)) mask[gate] = 1;
  return mask;
}

/** Gates from the largest score to the smallest, ties by index. */
export function byScore(scores: ArrayLike<number>): Int32Array {
  for (let i = 0; i < scores.length; i++) {
    if (Number.isNaN(scores[i])) throw new TwotempError("space/scores", `the score of gate ${i} isn't a number`);
  }
  return Int32Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[b] - scores[a] || a - b);
}
