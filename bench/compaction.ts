import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { median } from "simple-statistics";
import * as tf from "@tensorflow/tfjs";
import * as tt from "../lib/index.js";
import { predictionMs } from "./clock.js";
import { processorName } from "./processor.js";

/** One model before and after compaction; milliseconds of processor time a batch, the median of the rounds. */
export interface CompactionRow {
  readonly model: string;
  readonly engine: string;
  readonly threads: number | undefined;
  readonly batch: number;
  /** What is left of the multiply-adds, parameters and peak activation bytes. */
  readonly multiplyAdds: number;
  readonly parameters: number;
  readonly activationBytes: number;
  readonly fullMs: number;
  readonly compactedMs: number;
  /** Both as predictors: normalisation folded, run as one function. */
  readonly fullPredictorMs: number;
  readonly compactedPredictorMs: number;
  /** The full model's time over the compacted one's: the median of the rounds' ratios. */
  readonly speedup: number;
  readonly predictorSpeedup: number;
  /** From the full model as it is to the compacted one's predictor. */
  readonly bothSpeedup: number;
}

const models: Readonly<Record<string, () => tf.LayersModel>> = {
  "vgg16 32x32": () => tt.vgg({ depth: 16, classes: 10 }),
  "resnet20 32x32": () => tt.resnet({ depth: 20, classes: 10 }),
  "resnet20 32x32, twice as wide": () => tt.resnet({ depth: 20, classes: 10, filters: 32 }),
  "mobilenet 32x32": () => tt.mobilenet({ classes: 10 }),
  "cnn 28x28": () => tt.cnn({ inputShape: [28, 28, 1], filters: [32, 64], dense: 128, classes: 10, batchNorm: true }),
  "mlp 2000-2000, batch 256": () => tt.mlp({ inputShape: [28, 28, 1], hidden: [2000, 2000], classes: 10 }),
};

/** Of small batches of an MLP much of the time would be what a prediction costs by itself, 2 ms. */
const batches: Readonly<Record<string, number | undefined>> = { "mlp 2000-2000, batch 256": 256 };

/**
 * Times a model against its compacted self at a fraction of the multiply-adds, units chosen at random, in turn.
 *
 * @param fraction - of the multiply-adds that the architecture may have
 */
async function timeCompaction(
  model: tf.LayersModel,
  name: string,
  { fraction = 0.25, batch = 64, rounds = 5 }: { fraction?: number; batch?: number; rounds?: number } = {},
): Promise<CompactionRow> {
  const { engine, threads } = await tt.ready();
  const space = tt.searchSpace(model, { gates: "unit" });
  const scores = new tt.Random(0, "bench compaction").uniforms(space.gateCount);
  const architecture = space.within(scores, { multiplyAdds: Math.floor(fraction * space.full.multiplyAdds) });
  const compacted = architecture.compact();
  const predictors = [tt.predictor(model), tt.predictor(compacted)];
  const shape = [batch, ...(model.inputs[0].shape.slice(1) as number[])];
  const input = tf.randomUniform(shape, 0, 1, "float32", 1);
  const timed = [
    ...[model, compacted].map((each) => () => each.predict(input, { batchSize: batch }) as tf.Tensor),
    ...predictors.map((each) => () => each.predict(input)[0]),
  ];
  const warm: number[] = [];
  for (const each of timed) warm.push(await predictionMs(each, 2));
  const count = Math.max(1, Math.round(400 / warm[0]));
  const times: number[][] = [];
  for (let round = 0; round < rounds; round++) {
    const row: number[] = [];
    for (const each of timed) row.push(await predictionMs(each, count));
    times.push(row);
  }
  const { counts } = architecture;
  const left = (measure: keyof tt.Counts): number => counts[measure] / space.full[measure];
  tf.dispose(input);
  [compacted, ...predictors].forEach((each) => each.dispose());
  const [fullMs, compactedMs, fullPredictorMs, compactedPredictorMs] = timed.map((_, m) =>
    median(times.map((row) => row[m])),
  );
  return {
    model: name,
    engine,
    threads,
    batch,
    multiplyAdds: left("multiplyAdds"),
    parameters: left("parameters"),
    activationBytes: left("activationBytes"),
    fullMs,
    compactedMs,
    fullPredictorMs,
    compactedPredictorMs,
    speedup: median(times.map(([full, small]) => full / small)),
    predictorSpeedup: median(times.map(([, , full, small]) => full / small)),
    bothSpeedup: median(times.map(([full, , , small]) => full / small)),
  };
}

/** The rows as a page of Markdown. */
export function page(processor: string, fraction: number, rows: readonly CompactionRow[]): string {
  const percent = (part: number): string => `${(100 * part).toFixed(0)} %`;
  const ms = (time: number): string => (time < 100 ? time.toFixed(1) : time.toFixed(0));
  const table = rows.map((row) =>
    [
      row.model,
      percent(row.parameters),
      percent(row.activationBytes),
      ms(row.fullMs),
      ms(row.compactedMs),
      row.speedup.toFixed(2),
      ms(row.fullPredictorMs),
      ms(row.compactedPredictorMs),
      row.predictorSpeedup.toFixed(2),
      row.bothSpeedup.toFixed(2),
    ].join(" | "),
  );
  return [
    "# Latency before and after compaction",
    "",
    `Unit architectures, drawn at random, with ${percent(fraction)} of the multiply-adds; milliseconds of processor time for a`,
    `batch of ${rows[0].batch} images unless it says otherwise, ${rows[0].engine}, ${rows[0].threads} thread(s), ${processor}, beside other work. Predictor:`,
    "batch normalisation moved into the layers before it, the network run as one function (`predictor`). Times as fast: from",
    "full to compacted, both by `model.predict` or both as predictors; in the last column from the full model by",
    "`model.predict` to the compacted one's predictor. `node dist/bench/compaction.js` makes the table again.",
    "",
    "Wide layers gain what they save. Narrow ones don't: oneDNN fills channels up to multiples of 8 or 16, so a layer with 16",
    "channels is hardly faster with 8, and what stands between convolutions costs by its activations, not its multiply-adds.",
    "",
    "model | parameters left | activation bytes left | full, ms | compacted, ms | times as fast | full predictor, ms | compacted predictor, ms | times as fast | full to compacted predictor",
    "--- | --- | --- | --- | --- | --- | --- | --- | --- | ---",
    ...table,
    "",
  ].join("\n");
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: "string", multiple: true },
      fraction: { type: "string", default: "0.25" },
      threads: { type: "string", default: "1" },
    },
  });
  await tt.ready({ threads: Number(values.threads) });
  const fraction = Number(values.fraction);
  const rows: CompactionRow[] = [];
  for (const [name, build] of Object.entries(models)) {
    if (values.only && !values.only.some((part) => name.includes(part))) continue;
    const model = build();
    const row = await timeCompaction(model, name, { fraction, batch: batches[name] });
    model.dispose();
    rows.push(row);
    console.log(`${name}: ${row.speedup.toFixed(2)} times as fast, ${row.bothSpeedup.toFixed(2)} by its predictor`);
  }
  const folder = join(__dirname, "..", "..", "bench", "results");
  const processor = processorName();
  const record = { processor, cores: cpus().length, node: process.version, rows };
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "compaction.json"), `${JSON.stringify(record, null, 2)}\n`);
  const { format } = await import("prettier");
  writeFileSync(join(folder, "compaction.md"), await format(page(processor, fraction, rows), { parser: "markdown" }));
}

if (require.main === module) void main();
