import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { median } from "simple-statistics";
import * as tf from "@tensorflow/tfjs";
import * as tt from "../lib/index.js";

/** One model before and after compaction; milliseconds a batch, the median of the rounds. */
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
  /** The compacted model with its batch normalisation folded into the convolutions. */
  readonly foldedMs: number;
  /** Processor time of the full model over that of the smaller one: the median of the rounds' ratios. */
  readonly speedup: number;
  readonly foldedSpeedup: number;
}

const models: Readonly<Record<string, () => tf.LayersModel>> = {
  "vgg16 32x32": () => tt.vgg({ depth: 16, classes: 10 }),
  "resnet20 32x32": () => tt.resnet({ depth: 20, classes: 10 }),
  "resnet20 32x32, twice as wide": () => tt.resnet({ depth: 20, classes: 10, filters: 32 }),
  "mobilenet 32x32": () => tt.mobilenet({ classes: 10 }),
  "cnn 28x28": () => tt.cnn({ inputShape: [28, 28, 1], filters: [32, 64], dense: 128, classes: 10, batchNorm: true }),
  "mlp 2000-2000": () => tt.mlp({ inputShape: [28, 28, 1], hidden: [2000, 2000], classes: 10 }),
};

/** Milliseconds of processor time and of the clock that `count` predictions take, each. */
async function time(model: tf.LayersModel, input: tf.Tensor, count: number): Promise<{ cpu: number; wall: number }> {
  const started = performance.now();
  const used = process.cpuUsage();
  for (let i = 0; i < count; i++) {
    const output = model.predict(input, { batchSize: input.shape[0] }) as tf.Tensor;
    await output.data();
    output.dispose();
  }
  const { user, system } = process.cpuUsage(used);
  return { cpu: (user + system) / 1000 / count, wall: (performance.now() - started) / count };
}

/**
 * Times a model against its compacted self at a fraction of the multiply-adds, units chosen at random, in turn.
 *
 * @param fraction - of the multiply-adds that the architecture may have
 */
export async function timeCompaction(
  model: tf.LayersModel,
  name: string,
  { fraction = 0.25, batch = 64, rounds = 7 }: { fraction?: number; batch?: number; rounds?: number } = {},
): Promise<CompactionRow> {
  const { engine, threads } = await tt.ready();
  const space = tt.searchSpace(model, { gates: "unit" });
  const scores = new tt.Random(0, "bench compaction").uniforms(space.gateCount);
  const architecture = space.within(scores, { multiplyAdds: Math.floor(fraction * space.full.multiplyAdds) });
  const compacted = architecture.compact();
  const folded = tt.foldBatchNorm(compacted);
  const shape = [batch, ...(model.inputs[0].shape.slice(1) as number[])];
  const input = tf.randomUniform(shape, 0, 1, "float32", 1);
  const once = await time(model, input, 2);
  await time(compacted, input, 2);
  await time(folded, input, 2);
  const count = Math.max(1, Math.round(400 / once.wall));
  const times: Record<"full" | "small" | "folded", { cpu: number; wall: number }>[] = [];
  for (let round = 0; round < rounds; round++) {
    times.push({
      full: await time(model, input, count),
      small: await time(compacted, input, count),
      folded: await time(folded, input, count),
    });
  }
  const { counts } = architecture;
  const left = (measure: keyof tt.Counts): number => counts[measure] / space.full[measure];
  input.dispose();
  compacted.dispose();
  folded.dispose();
  return {
    model: name,
    engine,
    threads,
    batch,
    multiplyAdds: left("multiplyAdds"),
    parameters: left("parameters"),
    activationBytes: left("activationBytes"),
    fullMs: median(times.map(({ full }) => full.wall)),
    compactedMs: median(times.map(({ small }) => small.wall)),
    foldedMs: median(times.map(({ folded }) => folded.wall)),
    speedup: median(times.map(({ full, small }) => full.cpu / small.cpu)),
    foldedSpeedup: median(times.map(({ full, folded }) => full.cpu / folded.cpu)),
  };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { only: { type: "string", multiple: true }, fraction: { type: "string", default: "0.25" } },
  });
  const rows: CompactionRow[] = [];
  for (const [name, build] of Object.entries(models)) {
    if (values.only && !values.only.some((part) => name.includes(part))) continue;
    const model = build();
    const row = await timeCompaction(model, name, { fraction: Number(values.fraction) });
    model.dispose();
    rows.push(row);
    const percent = (part: number): string => `${(100 * part).toFixed(1)} %`.padStart(7);
    console.log(
      `${name.padEnd(30)} multiply-adds ${percent(row.multiplyAdds)}  parameters ${percent(row.parameters)}  ` +
        `${row.fullMs.toFixed(1).padStart(7)} ms -> ${row.compactedMs.toFixed(1).padStart(6)} ms, ` +
        `${row.speedup.toFixed(2)} times as fast; folded ${row.foldedMs.toFixed(1)} ms, ${row.foldedSpeedup.toFixed(2)} times`,
    );
  }
  const folder = join(__dirname, "..", "..", "bench", "results");
  mkdirSync(folder, { recursive: true });
  const record = { processor: cpus()[0].model, cores: cpus().length, node: process.version, rows };
  writeFileSync(join(folder, "compaction.json"), `${JSON.stringify(record, null, 2)}\n`);
}

if (require.main === module) void main();
