import { Random } from "../engine/index.js";
import { type Baseline } from "./baseline.js";

/** Each learned mask with the gates of every group shuffled: the same density in every layer, another pattern. */
export const shuffled: Baseline = {
  name: "shuffled",
  label: "layer-wise shuffled",
  refuses: (space) =>
    space.groups.every((group) => group.kind === "unit")
      ? "hidden units are exchangeable under fresh weights (Proposition 6): a shuffle changes nothing"
      : undefined,
  architectures: async ({ space, learned, seed }) =>
    learned.map((architecture, i) => {
      const mask = Uint8Array.from(architecture.mask);
      for (const [g, { offset, size }] of space.groups.entries()) {
        const order = new Random(seed, "shuffled", i, g).permutation(size);
        order.forEach((from, to) => (mask[offset + to] = architecture.mask[offset + from]));
      }
      return space.architecture(mask, { method: "shuffled", seed, number: i });
    }),
};
