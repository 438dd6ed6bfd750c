import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { median, quantile } from "simple-statistics";
import * as tf from "@tensorflow/tfjs";
import * as tt from "../lib/index.js";
import { closeBrowser } from "../lib/plot/index.js";
import { saveFigure } from "../lib/plot/stills.js";
import { milliseconds } from "./clock.js";
import { processorName } from "./processor.js";
import { scalingFigure } from "./scalingFigure.js";
import type { Clock } from "./side.js";
import { convolutional, examples, maskedTraining, type Runner, searchSteps } from "./workloads/index.js";

/** What is varied while the rest stays. */
export type Panel = "gates" | "batch" | "depth" | "density";

/** What the machine can do at most, measured through the engine. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly node: string;
  readonly engine: string;
  readonly threads: number;
  readonly clock: Clock;
  /** Of a float32 matrix product, in 10^9 floating-point operations a second. */
  readonly gigaflops: number;
  /** Between processor and memory, in 10^9 bytes read or written a second. */
  readonly gigabytes: number;
}

/** A step at one size: the median of the rounds, their 10th and 90th percentile, and the roofline. */
export interface Point {
  readonly panel: Panel;
  /** What the panel varies: gates, examples a batch, hidden layers, or the fraction of units that is left. */
  readonly size: number;
  readonly gates: number;
  readonly parameters: number;
  readonly multiplyAdds: number;
  readonly batch: number;
  readonly rounds: number;
  readonly ms: number;
  readonly low: number;
  readonly high: number;
  /** What the step's arithmetic takes at the machine's peak, and what its memory takes; the roofline is the larger. */
  readonly arithmeticMs: number;
  readonly memoryMs: number;
}

/** A space whose steps are timed. */
interface Opened {
  readonly space: tt.SearchSpace;
  readonly batch: number;
  readonly runner: Runner;
}

const classes = 10;

/** Steps of a search for weight gates of an MLP. */
function openMlp(inputs: number, hidden: readonly number[], batch: number): Opened {
  const space = tt.searchSpace(tt.mlp({ inputShape: [inputs], hidden, classes }), { gates: "weight" });
  return { space, batch, runner: searchSteps(space, examples([inputs], 2048), batch) };
}

/** An MLP of about so many weight gates, with as many hidden units as inputs. */
function openGates(gates: number): Opened {
  const units = Math.round((Math.sqrt(classes ** 2 + 4 * gates) - classes) / 2);
  return openMlp(units, [units], 64);
}

/** Training steps of a convolutional network, compacted to a part of its units, drawn at random. */
function openCompacted(density: number): Opened {
  const full = tt.searchSpace(convolutional([32, 32, 64, 64]), { gates: "unit" });
  const scores = new tt.Random(0, "bench scaling").uniforms(full.gateCount);
  const compacted = full.within(scores, { density }).compact();
  full.model.dispose();
  const space = tt.searchSpace(compacted, { gates: () => "none" });
  return { space, batch: 64, runner: maskedTraining(space, examples([32, 32, 3], 2048), 64) };
}

const panels: Readonly<Record<Panel, { readonly sizes: readonly number[]; readonly open: (size: number) => Opened }>> =
  {
    gates: { sizes: [1e3, 1e4, 1e5, 1e6, 1e7], open: openGates },
    batch: { sizes: [16, 32, 64, 128, 256, 512, 1024], open: (batch) => openMlp(784, [300, 100], batch) },
    // A layer more is the same layer once more; a deeper ResNet changes sizes from stage to stage.
    depth: { sizes: [1, 2, 4, 8, 16], open: (depth) => openMlp(128, new Array<number>(depth).fill(128), 64) },
    density: { sizes: [1, 0.5, 0.25, 0.1, 0.05], open: openCompacted },
  };

/** The shortest of several runs: what a machine can do isn't a median. */
async function shortest(clock: Clock, work: () => tf.Tensor): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < 8; run++) {
    times.push(await milliseconds(clock, () => tf.tidy(() => tf.slice(tf.reshape(work(), [-1]), 0, 1).dataSync())));
  }
  return Math.min(...times);
}

/** Peak of a square matrix product, the best of three sizes. */
async function gigaflops(clock: Clock): Promise<number> {
  let best = 0;
  for (const size of [1024, 1536, 2048]) {
    const [a, b] = [tf.randomUniform([size, size], -1, 1, "float32", 1), tf.ones([size, size])];
    best = Math.max(best, (2 * size ** 3) / (await shortest(clock, () => tf.matMul(a, b))) / 1e6);
    tf.dispose([a, b]);
  }
  return best;
}

/**
 * Two vectors read and one written, 64 MiB each, several times over. As one function the engine overwrites what it has read:
 * a fresh result would first be read from memory, which nobody asked for.
 */
async function gigabytes(clock: Clock): Promise<number> {
  const [length, passes] = [2 ** 24, 8];
  const [a, b] = [tf.fill([length], 1), tf.fill([length], 2)];
  const pass = tt.compiled((a, b) => [Array.from({ length: passes }).reduce<tf.Tensor>((c) => tf.maximum(c, b), a)]);
  const time = await shortest(clock, () => pass(a, b)[0]);
  tf.dispose([a, b]);
  return (3 * 4 * length * passes) / time / 1e6;
}

/**
 * The least that a step has to do, in floating-point operations and bytes.
 *
 * Operations are those of the products: forward, then the gradient with respect to the weights and, except in the first layer,
 * to the activations; 2 a multiply-add and example. Bytes are read and written once for each weight (itself, its gradient and
 * Adam's two moments) and each gate (logit, gradient, the adaptive update's dual variable and sum of squares). Activations,
 * which may stay in the cache, masked weights and the certificate's sums aren't counted.
 */
function least({ space, batch }: Opened): { operations: number; bytes: number } {
  const { parameters, multiplyAdds } = space.full;
  const first = [...space.wholeByLayer().values()].find((layer) => layer.multiplyAdds > 0)!;
  return {
    operations: 2 * batch * (3 * multiplyAdds - first.multiplyAdds),
    bytes: 2 * 4 * 4 * (parameters + space.gateCount),
  };
}

/** Longest that the rounds of one size may take, in milliseconds; at least three are run. */
const patience = 20_000;

/** Milliseconds of a step in each round. */
async function measure(runner: Runner, clock: Clock, rounds: number): Promise<number[]> {
  const run = async (steps: number): Promise<number> => (await milliseconds(clock, () => runner.run(steps))) / steps;
  await run(1);
  const once = await run(1);
  // In each round alike is what happens every 8th step, or every 4th where gates are millions.
  const steps = once > 500 ? 4 : 8 * Math.ceil(20 / once);
  if (once < 500) await run(steps);
  const count = Math.max(3, Math.min(rounds, Math.round(patience / (once * steps))));
  const times: number[] = [];
  for (let round = 0; round < count; round++) times.push(await run(steps));
  return times;
}

async function measurePoint(panel: Panel, size: number, machine: Machine, rounds: number): Promise<Point> {
  const opened = panels[panel].open(size);
  const { space, batch, runner } = opened;
  const times = await measure(runner, machine.clock, rounds);
  const { operations, bytes } = least(opened);
  runner.dispose();
  space.model.dispose();
  const { parameters, multiplyAdds } = space.full;
  return {
    panel,
    size,
    gates: space.gateCount,
    parameters,
    multiplyAdds,
    batch,
    rounds: times.length,
    ms: median(times),
    low: quantile(times, 0.1),
    high: quantile(times, 0.9),
    arithmeticMs: operations / machine.gigaflops / 1e6,
    memoryMs: bytes / machine.gigabytes / 1e6,
  };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      threads: { type: "string", default: "1" },
      clock: { type: "string", default: "wall" },
      rounds: { type: "string", default: "15" },
      only: { type: "string" },
    },
  });
  const threads = Number(values.threads);
  const clock: Clock = values.clock === "cpu" ? "cpu" : "wall";
  const { engine } = await tt.ready({ threads });
  const machine: Machine = {
    processor: processorName(),
    cores: cpus().length,
    node: process.version,
    engine,
    threads,
    clock,
    gigaflops: await gigaflops(clock),
    gigabytes: await gigabytes(clock),
  };
  console.log(machine);
  const only = values.only?.split(",");
  const points: Point[] = [];
  for (const panel of Object.keys(panels) as Panel[]) {
    if (only && !only.includes(panel)) continue;
    for (const size of panels[panel].sizes) {
      const point = await measurePoint(panel, size, machine, Number(values.rounds));
      points.push(point);
      const [ms, low, high, roofline] = [
        point.ms,
        point.low,
        point.high,
        Math.max(point.arithmeticMs, point.memoryMs),
      ].map((time) => time.toPrecision(3));
      console.log(`${panel} ${size}: ${ms} ms a step (${low} to ${high}), roofline ${roofline} ms`);
    }
  }
  // A figure shows one machine as it was at one time: parts are only printed.
  if (only) return;
  const folder = join(__dirname, "..", "..", "bench", "results");
  writeFileSync(join(folder, "scaling.json"), `${JSON.stringify({ machine, points }, null, 1)}\n`);
  const { missing } = await saveFigure(scalingFigure(machine, points), join(folder, "scaling"));
  if (missing) console.log(missing);
  await closeBrowser();
}

if (require.main === module) void main();
