import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { median, quantile } from "simple-statistics";
import * as tt from "../lib/index.js";
import { milliseconds } from "./clock.js";
import { processorName } from "./processor.js";
import { workloads } from "./workloads/index.js";

/** How many steps of each kind a round takes. */
const stepsOf: Readonly<Record<string, number>> = { mlp: 200, cnn: 16, vgg: 2, resnet: 6, resnetBlocks: 6, cell: 16 };

/** What a step of a search takes more than one of the same masked network. */
interface Share {
  readonly workload: string;
  readonly maskedMs: number;
  readonly stepMs: number;
  /** The median of the repeats, as a fraction of the masked step; then their 10th and 90th percentile. */
  readonly share: number;
  readonly low: number;
  readonly high: number;
}

/** Both kinds of steps by turns, in memory of their own; medians of five rounds after one that isn't counted. */
async function once(workload: string): Promise<{ masked: number; step: number }> {
  const { phases } = workloads[workload];
  const sides = [await phases.masked(), await phases.step()];
  const steps = stepsOf[workload];
  const times: number[][] = [[], []];
  for (let round = 0; round < 6; round++) {
    for (const [s, side] of sides.entries()) {
      const took = await milliseconds("cpu", () => side.run(steps));
      if (round > 0) times[s].push(took / steps);
    }
  }
  for (const side of sides) side.dispose();
  return { masked: median(times[0]), step: median(times[1]) };
}

/**
 * What gates, slopes, update, the sums of the certificate and the gates' gradient add to a step of training the masked network:
 * processor time, one thread. Every repeat opens both anew, as what a step takes depends on where its vectors lie.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      workloads: { type: "string", default: Object.keys(stepsOf).join(",") },
      repeats: { type: "string", default: "9" },
    },
  });
  await tt.ready({ engine: "tensorflow", threads: 1 });
  const shares: Share[] = [];
  for (const workload of values.workloads.split(",")) {
    const all: { masked: number; step: number }[] = [];
    for (let repeat = 0; repeat < Number(values.repeats); repeat++) all.push(await once(workload));
    const added = all.map(({ masked, step }) => step / masked - 1);
    shares.push({
      workload,
      maskedMs: median(all.map(({ masked }) => masked)),
      stepMs: median(all.map(({ step }) => step)),
      share: median(added),
      low: quantile(added, 0.1),
      high: quantile(added, 0.9),
    });
    console.table([shares.at(-1)]);
  }
  const file = join(__dirname, "..", "..", "bench", "results", "relaxation.json");
  const found = { processor: processorName(), repeats: Number(values.repeats), shares };
  if (shares.length === Object.keys(stepsOf).length) writeFileSync(file, `${JSON.stringify(found, null, 1)}\n`);
}

void main();
