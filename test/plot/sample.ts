import { Random } from "../../lib/engine/random.js";
import type { GroupOfGates } from "../../lib/plot/gateImage.js";
import type { SearchTrace, TraceEntry } from "../../lib/search/trace.js";

/** A small search with known gradients: pixels near a ring are useful, those of the other groups at random. */
export interface SampleSearch {
  readonly trace: SearchTrace;
  readonly groups: readonly GroupOfGates[];
  readonly mask: Uint8Array;
}

/**
 * Two-temperature descent on `L(a) = 1.2 exp(-<q, a>) + gamma mean(a)` with noisy gradients, gates on a picture and on
 * two layers of units.
 */
export function sampleSearch(
  seed: number,
  steps: number = 400,
  side: number = 12,
  density: number = 0.2,
): SampleSearch {
  const sizes: readonly (readonly [string, "input" | "unit", readonly number[]])[] = [
    ["input", "input", [side, side, 1]],
    ["dense_1", "unit", [40]],
    ["dense_2", "unit", [16]],
  ];
  let offset = 0;
  const groups = sizes.map(([name, kind, shape]) => {
    const size = shape.reduce((product, n) => product * n, 1);
    offset += size;
    return { name, kind, shape, size, offset: offset - size, layers: [name] };
  });
  const gateCount = offset;
  const useful = new Random(0, "sample", "useful");
  const use = Float64Array.from({ length: gateCount }, (_, i) => {
    if (i >= side * side) return 0.04 * useful.uniform();
    const radius = Math.hypot((i % side) - side / 2 + 0.5, Math.floor(i / side) - side / 2 + 0.5);
    return 0.08 * Math.exp(-((radius - side / 3.5) ** 2) / 2);
  });
  const noise = new Random(seed, "sample", "noise");
  const logits = Float64Array.from({ length: gateCount }, () => 0.5 + 0.01 * noise.normal());
  const entries: TraceEntry[] = [];
  const snapshots: { step: number; logits: number[] }[] = [];
  let price = 1;
  for (let step = 0; step < steps; step++) {
    const gates = logits.map((logit) => 1 / (1 + Math.exp(-logit / 0.05)));
    const loss = 1.2 * Math.exp(-gates.reduce((sum, a, i) => sum + a * use[i], 0)) * (1 + 0.1 * noise.normal());
    const complexity = gates.reduce((sum, a) => sum + a, 0) / gateCount;
    const histogram = new Array<number>(20).fill(0);
    for (const a of gates) histogram[Math.min(19, Math.floor(a * 20))] += 1;
    const kept = groups.map(
      (group) => logits.subarray(group.offset, group.offset + group.size).filter((x) => x > 0).length / group.size,
    );
    entries.push({ step, loss, price, complexity, kept, histogram });
    if (step % Math.ceil(steps / 20) === 0 || step === steps - 1) snapshots.push({ step, logits: Array.from(logits) });
    for (let i = 0; i < gateCount; i++) {
      const hot = 1 / (1 + Math.exp(-logits[i]));
      const gradient = -loss * use[i] * (1 + 0.5 * noise.normal()) + price / gateCount;
      logits[i] = Math.max(-3, Math.min(3, logits[i] - 4 * hot * (1 - hot) * gradient));
    }
    price *= Math.exp(0.02 * Math.max(-1, Math.min(1, (complexity - density) / density)));
  }
  const order = Array.from(logits.keys()).sort((a, b) => logits[b] - logits[a]);
  const mask = new Uint8Array(gateCount);
  for (const i of order.slice(0, Math.round(density * gateCount))) mask[i] = 1;
  return { trace: { groups, steps, density, entries, snapshots }, groups, mask };
}
