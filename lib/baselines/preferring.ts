import type { Random } from "../engine/index.js";

/** Random scores that put the gates of `preferred` before all others. */
export function preferring(preferred: (gate: number) => boolean, gateCount: number, random: Random): Float32Array {
  return random.uniforms(gateCount).map((score, gate) => (preferred(gate) ? score + 1 : score));
}
