import type { Random } from "../../lib/engine/random.js";
import type { Measurement } from "../../lib/statistics/index.js";

/** An arm under crossed random effects: mean + architecture + retraining (shared by arms) + chance. */
export function arm(
  random: Random,
  searches: number,
  retrainings: Float32Array,
  { mean = 0, search = 0, noise = 0 }: { mean?: number; search?: number; noise?: number },
): Measurement[] {
  const rows: Measurement[] = [];
  for (let s = 0; s < searches; s++) {
    const architecture = search * random.normal();
    retrainings.forEach((shift, r) =>
      rows.push({ search: s, retraining: r, value: mean + architecture + shift + noise * random.normal() }),
    );
  }
  return rows;
}
