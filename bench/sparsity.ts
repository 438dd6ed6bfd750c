import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { median } from "simple-statistics";
import * as tf from "@tensorflow/tfjs";
import * as tt from "../lib/index.js";
import { sharedGates } from "../lib/space/overlap.js";
import { milliseconds, predictionMs } from "./clock.js";
import { processorName } from "./processor.js";
import { convolutional } from "./workloads/searches.js";

/** What a mask on the weights saves: milliseconds of processor time a batch in prediction, a step of one model in retraining. */
interface MaskRow {
  readonly model: string;
  readonly batch: number;
  readonly density: number;
  readonly fullMs: number;
  readonly maskedMs: number;
  /** Median of the rounds' ratios. */
  readonly speedup: number;
}

/** From each round's times of the full network and of the masked one. */
function maskRow(model: string, batch: number, density: number, rounds: readonly [number, number][]): MaskRow {
  const row = {
    model,
    batch,
    density,
    fullMs: median(rounds.map(([full]) => full)),
    maskedMs: median(rounds.map(([, masked]) => masked)),
    speedup: median(rounds.map(([full, masked]) => full / masked)),
  };
  console.log(`${model}, ${batch} examples, ${percent(density)}: ${row.speedup.toFixed(1)} times as fast`);
  return row;
}

/** Whole searches with every step whole, and with every `wholeEvery`-th. */
interface SearchRow {
  readonly wholeEvery: number;
  readonly seeds: number;
  /** Seconds of processor time, the median of the seeds. */
  readonly seconds: number;
  /** Time over that of the search of the same seed whose steps are all whole; the median. */
  readonly ratio: number;
  /** Mean loss over the last tenth of the steps. */
  readonly loss: number;
  /** What of its units the architecture shares with that of the same seed, and with those of other seeds, whole. */
  readonly shared: number;
  readonly sharedAcrossSeeds: number;
}

/** A network whose weights have gates, and how long to time it. */
interface Masked {
  readonly inputShape: number[];
  readonly model: () => tf.LayersModel;
  /** Predictions of 128 examples, and steps of retraining, that are timed at once. */
  readonly predictions: number;
  readonly steps: number;
  /** Models that are trained in one stack. */
  readonly stacked: number;
}

const perceptron = (hidden: number[], steps: number): Masked => ({
  inputShape: [784],
  model: () => tt.mlp({ inputShape: [784], hidden, classes: 10 }),
  predictions: 40,
  steps,
  stacked: 4,
});

const masked: Readonly<Record<string, Masked>> = {
  "784-300-100": perceptron([300, 100], 75),
  "784-2000-2000": perceptron([2000, 2000], 4),
  "CNN 32-32-64-64": {
    inputShape: [32, 32, 3],
    model: () => convolutional([32, 32, 64, 64]),
    ...{ predictions: 10, steps: 10, stacked: 1 },
  },
  "VGG-11": {
    inputShape: [32, 32, 3],
    model: () => tt.vgg({ depth: 11, classes: 10 }),
    ...{ predictions: 3, steps: 4, stacked: 1 },
  },
};

async function masks(rounds: number): Promise<MaskRow[]> {
  const rows: MaskRow[] = [];
  for (const [model, { model: make, inputShape, predictions }] of Object.entries(masked)) {
    const space = tt.searchSpace(make(), { gates: "weight" });
    const scores = new tt.Random(0, "bench sparsity").uniforms(space.gateCount);
    const full = tt.predictor(space.model);
    for (const density of [0.1, 0.05, 0.02, 0.005]) {
      const compacted = space.within(scores, { density }).compact();
      const few = tt.predictor(compacted);
      for (const batch of [1, 128]) {
        const input = tf.randomUniform([batch, ...inputShape], 0, 1, "float32", 1);
        const count = batch === 1 ? 5 * predictions : predictions;
        const time = ({ predict }: tt.Predictor): Promise<number> => predictionMs(() => predict(input)[0], count);
        const times: [number, number][] = [];
        for (let round = 0; round <= rounds; round++) times.push([await time(full), await time(few)]);
        // The first round makes the functions.
        rows.push(maskRow(model, batch, density, times.slice(1)));
        input.dispose();
      }
      [few, compacted].forEach((each) => each.dispose());
    }
    full.dispose();
  }
  return rows;
}

/** Of the network without gates on its weights, and of the masked one. */
async function retrainings(rounds: number): Promise<MaskRow[]> {
  const rows: MaskRow[] = [];
  const random = new tt.Random(0, "bench retraining");
  for (const [model, { model: make, inputShape, steps, stacked }] of Object.entries(masked)) {
    const network = make();
    const space = tt.searchSpace(network, { gates: "weight" });
    const whole = tt.searchSpace(network, { gates: "input" });
    const scores = new tt.Random(0, "bench sparsity").uniforms(space.gateCount);
    const size = inputShape.reduce((product, extent) => product * extent, 1);
    for (const support of [25, 128]) {
      const labelled = (count: number): tt.FewShotTask["support"] => ({
        values: random.uniforms(count * size),
        labels: Int32Array.from({ length: count }, (_, row) => row % 10),
        count,
      });
      const task = { classCount: 10, support: labelled(support), queries: labelled(10) };
      const time = async (own: tt.SearchSpace, architecture: tt.Architecture, steps: number): Promise<number> => {
        const jobs = Array.from({ length: stacked }, (_, draw) => ({ architecture, task, draw: [draw] }));
        // What drawing weights and making functions takes falls out of the difference.
        const run = (count: number): Promise<number> =>
          milliseconds("cpu", () => tt.retrain(own, jobs, { learningRate: 0.003, steps: count }));
        return ((await run(2 * steps)) - (await run(steps))) / (steps * stacked);
      };
      const full = whole.within(scores.subarray(0, size), { density: 1 });
      for (const density of stacked > 1 ? [0.2, 0.08, 0.04, 0.02, 0.005] : [0.04, 0.02, 0.005]) {
        const few = space.within(scores, { density });
        const times: [number, number][] = [];
        for (let round = 0; round < rounds; round++) {
          // Short steps need more of them, lest the difference drowns.
          const more = density < 0.1 && stacked > 1 ? Math.min(25, Math.ceil(0.5 / density)) : 2;
          times.push([await time(whole, full, steps), await time(space, few, more * steps)]);
        }
        rows.push(maskRow(model, support, density, times));
      }
    }
  }
  return rows;
}

/** Convolutions on the digits, enlarged to 32x32; a tenth of the units is kept. */
async function searches(steps: number, seeds: number): Promise<SearchRow[]> {
  const source = (await (await tt.dataset("digits")).resized(32)).standardised();
  const space = tt.searchSpace(convolutional([32, 32, 64, 64], [32, 32, 1]), { gates: "unit" });
  const found = new Map<number, { learned: tt.Architecture; seconds: number; loss: number }[]>();
  for (let seed = 0; seed < seeds; seed++) {
    for (const wholeEvery of [1, 8, 16, 32]) {
      const search = tt.search(space, source, { density: 0.1, steps, seed, wholeEvery });
      const took = (await milliseconds("cpu", () => search.run({ onProgress: tt.progressBar() }))) / 1000;
      const { entries } = search.trace;
      const last = entries.slice(-Math.ceil(entries.length / 10)).map((entry) => entry.loss);
      const loss = last.reduce((sum, value) => sum + value / last.length, 0);
      const row = { learned: search.architecture(), seconds: took, loss };
      found.set(wholeEvery, [...(found.get(wholeEvery) ?? []), row]);
      search.dispose();
      console.log(`every ${wholeEvery}, seed ${seed}: ${took.toFixed(1)} s of processor time, loss ${loss.toFixed(3)}`);
    }
  }
  const whole = found.get(1)!;
  return [...found].map(([wholeEvery, runs]) => {
    const across = runs.flatMap((run, s) =>
      whole.flatMap((other, t) => (s === t ? [] : [sharedGates(run.learned, other.learned).shared])),
    );
    return {
      wholeEvery,
      seeds,
      seconds: median(runs.map((run) => run.seconds)),
      ratio: median(runs.map((run, s) => run.seconds / whole[s].seconds)),
      loss: median(runs.map((run) => run.loss)),
      shared: median(runs.map((run, s) => sharedGates(run.learned, whole[s].learned).shared)),
      sharedAcrossSeeds: median(across),
    };
  });
}

/** What results/sparsity.json holds. */
interface Results {
  readonly processor: string;
  readonly node: string;
  readonly steps: number;
  readonly masks: readonly MaskRow[];
  readonly retrainings: readonly MaskRow[];
  readonly searches: readonly SearchRow[];
}

const percent = (part: number): string => `${Number((100 * part).toFixed(1))} %`;

const maskTable = (batch: string, rows: readonly MaskRow[]): string[] => [
  `model | ${batch} | weights left | full, ms | masked, ms | times as fast`,
  "--- | ---: | ---: | ---: | ---: | ---:",
  ...rows.map((row) =>
    [
      row.model,
      row.batch,
      percent(row.density),
      row.fullMs.toFixed(2),
      row.maskedMs.toFixed(2),
      row.speedup.toFixed(1),
    ].join(" | "),
  ),
];

function page({ processor, steps, masks, retrainings, searches }: Results): string {
  return [
    "# What closed gates save",
    "",
    `Processor time, one thread, ${processor}. \`node dist/bench/sparsity.js\` makes the tables again.`,
    "",
    "Masks on the weights, drawn at random: the full network's predictor beside the compacted one's. Layers of which at most 5 % of the",
    "weights are left compute with these alone, convolutions from 3 examples on.",
    "",
    ...maskTable("batch", masks),
    "",
    "Retraining with masks on the weights: a step of the network without gates beside one of the masked network; of perceptrons, of one",
    "model out of four in a stack. There kernels of which at most 10 % of the weights are left (5 % for more than 128 examples) are trained",
    "by their entries, in other networks those of which at most 5 % are left; others are trained whole with their mask.",
    "",
    ...maskTable("examples", retrainings),
    "",
    `Searches for a tenth of the units of a convolutional network (32-32-64-64, 32x32, batch 64, ${steps} steps, ${searches[0].seeds} seeds):`,
    "every step evaluates all gates, or one in 8, 16 or 32 (`wholeEvery`). Shared: units that the architecture has in",
    "common with the one found by whole steps, from the same seed and from others.",
    "",
    "whole every | seconds | ratio | loss | shared | across seeds",
    "---: | ---: | ---: | ---: | ---: | ---:",
    ...searches.map((row) =>
      [
        row.wholeEvery,
        row.seconds.toFixed(0),
        row.ratio.toFixed(2),
        row.loss.toFixed(3),
        percent(row.shared),
        percent(row.sharedAcrossSeeds),
      ].join(" | "),
    ),
    "",
  ].join("\n");
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      steps: { type: "string", default: "1000" },
      seeds: { type: "string", default: "2" },
      rounds: { type: "string", default: "5" },
      /** Which tables are made again; the others stay. */
      only: { type: "string", default: "masks,retrainings,searches" },
    },
  });
  await tt.ready({ threads: 1 });
  const steps = Number(values.steps);
  const rounds = Number(values.rounds);
  const path = join(__dirname, "..", "..", "bench", "results", "sparsity");
  const only = values.only.split(",");
  const old = JSON.parse(readFileSync(`${path}.json`, "utf8")) as Results;
  const results: Results = {
    processor: processorName(),
    node: process.version,
    steps,
    masks: only.includes("masks") ? await masks(rounds) : old.masks,
    retrainings: only.includes("retrainings") ? await retrainings(rounds) : old.retrainings,
    searches: only.includes("searches") ? await searches(steps, Number(values.seeds)) : old.searches,
  };
  if (only.length < 3 && old.processor !== results.processor)
    throw new Error(`the other tables are of ${old.processor}`);
  writeFileSync(`${path}.json`, `${JSON.stringify(results, null, 2)}\n`);
  const { format } = await import("prettier");
  const text = await format(page(results), { parser: "markdown" });
  writeFileSync(`${path}.md`, text);
  console.log(text);
}

void main();
