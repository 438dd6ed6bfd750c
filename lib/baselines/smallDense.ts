import { searchSpace } from "../space/index.js";
import type { Baseline, Candidate } from "./baseline.js";
import { widthsAtCost } from "./widths.js";

/** Every layer of the model narrowed by the same factor, as a model of its own, until it costs what was learned. */
function small(measure: "parameters" | "multiplyAdds", name: string, label: string): Baseline {
  return {
    name,
    label,
    refuses: ({ model }) =>
      searchSpace(model, { gates: "unit" }).gateCount > 0 ? undefined : "no layer of the model can be made narrower",
    candidates: async ({ space, learned }) => {
      const wide = searchSpace(space.model, { gates: "unit" });
      // The units of every layer run out at the same rate.
      const scores = new Float64Array(wide.gateCount);
      for (const { offset, size } of wide.groups) {
        for (let i = 0; i < size; i++) scores[offset + i] = -(i + 0.5) / size;
      }
      return learned.map((matched): Candidate => {
        const asked = matched.counts[measure];
        const narrow = wide.architecture(widthsAtCost(wide, scores, measure, asked)).compact();
        const own = searchSpace(narrow, { gates: "unit" });
        const mask = new Uint8Array(own.gateCount).fill(1);
        const architecture = own.architecture(mask, { method: name, asked, kept: own.full[measure] });
        return { architecture, dispose: () => void narrow.dispose() };
      });
    },
  };
}

/** A dense, narrower network of the same family with as many parameters. */
export const smallParameters: Baseline = small("parameters", "small-parameters", "small dense, equal parameters");

/** A dense, narrower network of the same family with as many multiply-adds. */
export const smallMultiplyAdds: Baseline = small(
  "multiplyAdds",
  "small-multiply-adds",
  "small dense, equal multiply-adds",
);
