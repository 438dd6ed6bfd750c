import { Dataset } from "../../lib/data/index.js";
import { figures, type Figure } from "../../lib/plot/index.js";
import type { NetworkLayer } from "../../lib/plot/network.js";
import type { EffectRow, SummaryRow } from "../../lib/transfer/index.js";
import { type Bound, Certificate, convergenceStudy, type EstimatorScore, rateStudy } from "../../lib/theory/index.js";
import { type SampleSearch, sampleSearch } from "./sample.js";

export const sample: SampleSearch = sampleSearch(1, 60, 6);
const seeds = [1, 2, 3].map((seed) => sampleSearch(seed, 60, 6));

function bound(what: string, left: number, right: number): Bound {
  const holds = left <= right;
  return {
    theorem: "Theorem 8",
    what,
    assumptions: [],
    left,
    right,
    ratio: left / right,
    tolerance: 0,
    holds,
    terms: {},
  };
}

const uncovered: Bound = {
  ...bound("decrease of the loss", 1, 2),
  assumptions: [{ text: "the gradients are those of batches", holds: false }],
  left: undefined,
  right: undefined,
  ratio: undefined,
  holds: undefined,
};

export const certificate: Certificate = new Certificate(
  60,
  bound("regret at the final architecture", 12.3, 45.6),
  bound("regret at the worst architecture", 30, 47.2),
  bound("regret of gate 7 at the worst architecture", 1, 2),
  undefined,
);

const arms = ["learned", "random", "magnitude", "full"];
export const summary: SummaryRow[] = [1, 5].flatMap((shots) =>
  arms.map((arm, i) => {
    const accuracy = 40 + 5 * shots - 3 * i;
    const sizes = { parameters: 1157, searches: arm === "random" ? 20 : 5, retrainings: 5 };
    return { arm, label: arm, shots, accuracy, low: accuracy - 2, high: accuracy + 3, tuned: 0.003, ...sizes };
  }),
);
export const effects: EffectRow[] = [1, 5].flatMap((shots) =>
  arms.slice(1).map((control, i) => {
    const task = { source: "digits:0-4", target: "digits:5-9", gates: "input", density: 0.1875 };
    return { ...task, shots, control, effect: 4 - 3 * i, low: 1 - 3 * i, high: 6 - 3 * i, searches: 5, retrainings: 5 };
  }),
);

/** Four stripes of three by two pixels, in two classes. */
export const digits: Dataset = new Dataset({
  name: "stripes",
  inputShape: [2, 3, 1],
  classNames: ["left", "right"],
  train: { inputs: Uint8Array.from({ length: 24 }, (_, i) => i * 10), labels: Int32Array.of(0, 1, 0, 1), count: 4 },
  test: { inputs: new Uint8Array(12), labels: Int32Array.of(0, 1), count: 2 },
  provenance: { source: "made here", licence: "none", citation: "none", files: [], steps: [] },
});

const panel = { trace: sample.trace, step: 60, finished: true, seconds: 3, certificate: () => certificate };

const scores: EstimatorScore[] = (["two-temperature", "reinforce"] as const).map((estimator, k) => ({
  estimator,
  update: "adam",
  stepSize: 0.03,
  seeds: 50,
  hitRate: { value: 0.9 - 0.5 * k, low: 0.8 - 0.5 * k, high: 0.95 - 0.5 * k },
  gap: { value: 0.001 + 0.02 * k, low: 0.015 * k, high: 0.003 + 0.03 * k },
  noise: { value: 0.3 + 17 * k, low: 0.2 + 15 * k, high: 0.4 + 20 * k },
  steps: k === 0 ? { value: 9.5, low: 8, high: 12 } : undefined,
}));

/** What `make` gives, made once and only if it is asked for. */
function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

const convergence = once(() => convergenceStudy({ steps: 4 }));
const rates = once(() => rateStudy({ steps: [25, 50] }));

/** Every figure function, each on a small input. */
export const made: Record<string, () => Figure | Promise<Figure>> = {
  searchCurves: () => figures.searchCurves(sample.trace),
  searchPanel: () => figures.searchPanel(panel),
  gateHistogram: () => figures.gateHistogram(sample.trace),
  keptGates: () => figures.keptGates(sample),
  network: () => {
    const layer = (
      name: string,
      className: string,
      inputs: number[],
      units: number,
      unitsKept: number,
      weights = 0,
    ): NetworkLayer => ({
      name,
      className,
      inputs,
      units,
      unitsKept,
      weights,
      weightsKept: weights * (unitsKept / units),
      present: unitsKept > 0,
    });
    // A residual block whose second layer is gone, and a stage of three operations.
    return figures.network([
      layer("image", "InputLayer", [], 1, 1),
      layer("stem", "Conv2D", [0], 8, 6, 72),
      layer("relu", "ReLU", [1], 8, 6),
      layer("conv", "Conv2D", [2], 8, 0, 576),
      layer("add", "Add", [2, 3], 8, 6),
      layer("s_max3", "MaxPooling2D", [4], 8, 6),
      layer("s_blur3", "Blur", [4], 8, 0),
      layer("s_abs", "Absolute", [4], 8, 6),
      layer("s", "OperationSum", [5, 6, 7], 8, 6),
      layer("classes", "Dense", [8], 3, 3, 24),
    ]);
  },
  explorer: () => figures.explorer(sample.trace),
  overlap: () => figures.overlap(seeds),
  transfer: () => figures.transfer(summary),
  effects: () => figures.effects(effects),
  certificate: () => figures.certificate(certificate),
  convergence: () => figures.convergence({ ...convergence(), sliders: convergence().sliders.slice(0, 2) }),
  rates: () => figures.rates(rates()),
  temperatures: () => figures.temperatures(),
  vertexDistance: () => figures.vertexDistance(),
  estimators: () => figures.estimators(scores),
  keptInputs: () =>
    figures.keptInputs([{ mask: [1, 0, 1] }, { mask: [0, 0, 1] }], {
      name: "iris",
      inputShape: [3],
      inputNames: ["petal length", "petal width", "sepal length"],
    }),
  effectMatrix: () =>
    figures.effectMatrix(
      ["a", "b", "c"].flatMap((source, s) =>
        ["a", "b", "c"].map((target, t) => ({
          ...effects[0],
          source,
          target,
          effect: s - t,
          low: s - t - 1.5,
          high: s - t + 1,
        })),
      ),
    ),
  keptBySource: () =>
    figures.keptBySource(
      ["reset", "fixed"].flatMap((strategy, s) =>
        Array.from({ length: 12 }, (_, gate) => ({
          source: "made",
          strategy,
          group: "image",
          gate,
          row: Math.floor(gate / 4),
          column: gate % 4,
          kept: s === 0 ? gate / 11 : ((5 * gate) % 12) / 11,
          searches: 11,
        })),
      ),
    ),
  effectsByDensity: () =>
    figures.effectsByDensity(
      effects.flatMap((row) => [row, { ...row, density: 0.05, effect: row.effect + 2, high: row.high + 3 }]),
    ),
  contactSheet: () => figures.contactSheet(digits),
  bounds: () => figures.bounds([certificate.atFinal, bound("loss above the optimum", 0.3, 0.2), uncovered]),
};
