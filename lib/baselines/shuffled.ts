import { Random } from "../engine/index.js";
import { type Baseline, onlyKinds } from "./baseline.js";
import { refusal } from "./refusal.js";

/** Shuffles after which one that leaves the network whole and differs from the learned mask is given up. */
const attempts = 50;

/** Each learned mask with the gates of every group shuffled: the same density in every layer, another pattern. */
export const shuffled: Baseline = {
  name: "shuffled",
  label: "layer-wise shuffled",
  refuses: (space) => {
    if (onlyKinds(space, "unit")) {
      return "hidden units are exchangeable under fresh weights (Proposition 6): a shuffle changes nothing";
    }
    return space.groups.every(({ size }) => size === 1) ? "groups of one gate can't be shuffled" : undefined;
  },
  candidates: async ({ space, learned, seed }) =>
    learned.map((architecture, i) => {
      for (let attempt = 0; attempt < attempts; attempt++) {
        const mask = Uint8Array.from(architecture.mask);
        for (const [g, { offset, size }] of space.groups.entries()) {
          const order = new Random(seed, "shuffled", i, g, attempt).permutation(size);
          order.forEach((from, to) => (mask[offset + to] = architecture.mask[offset + from]));
        }
        if (mask.every((gate, at) => gate === architecture.mask[at])) continue;
        if (space.liveness(mask).cuts.length > 0) continue;
        return { architecture: space.architecture(mask, { method: "shuffled", seed, number: i }) };
      }
      throw refusal(`none of ${attempts} shuffles of architecture ${i} was another network that isn't cut`);
    }),
};
