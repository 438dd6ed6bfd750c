import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { median } from "simple-statistics";
import * as tt from "../lib/index.js";
import { ReferenceAccumulators, TensorAccumulators } from "../lib/relaxation/accumulators.js";
import { milliseconds } from "./clock.js";
import { workloads } from "./workloads/index.js";

/** Searches whose certificate is timed, with their numbers of gates. */
const timed: Readonly<Record<string, number>> = { mlp: 784 * 300 + 300 * 100 + 100 * 10, cnn: 32 + 32 + 64 + 64 };

const rounds = 15;

/**
 * What a step of the certificate's sums costs, for the default update. Looking for numbers that aren't finite isn't in it:
 * a search does that with a certificate or without.
 */
function sums(gateCount: number): () => void {
  const random = new tt.Random(0, "bench gates");
  const values = random.uniforms(gateCount);
  const gradients = random.normals(gateCount, 0.01);
  if (gateCount <= tt.referenceGates) {
    const [a, g] = [Float64Array.from(values), Float64Array.from(gradients)];
    const sums = new ReferenceAccumulators(a);
    return () => {
      sums.add(a, g);
      sums.moved(a);
    };
  }
  const [a, g] = [tf.tensor1d(values), tf.tensor1d(gradients)];
  const sums = new TensorAccumulators(a, true);
  const measured = TensorAccumulators.measure(g, false);
  return () => sums.add(a, g, a, measured);
}

/** Part of a search's step that its certificate takes: steps and sums alternate, medians are compared. */
async function main(): Promise<void> {
  console.log(await tt.ready({ threads: 1 }));
  const rows: object[] = [];
  for (const [name, gateCount] of Object.entries(timed)) {
    const step = await workloads[name].phases.step();
    const add = sums(gateCount);
    await step.run(5);
    const times: { step: number; sums: number }[] = [];
    for (let round = 0; round < rounds; round++) {
      // 64 steps, so that what happens every 64th is in it once.
      const certified = await milliseconds("cpu", () => Array.from({ length: 64 }, add));
      times.push({ step: (await milliseconds("cpu", () => step.run(4))) / 4, sums: certified / 64 });
    }
    const [whole, part] = [median(times.map((time) => time.step)), median(times.map((time) => time.sums))];
    rows.push({ workload: name, gates: gateCount, stepMs: whole, certificateMs: part, share: part / whole });
    step.dispose();
  }
  console.table(rows);
  const file = join(__dirname, "..", "..", "bench", "results", "certificate.json");
  writeFileSync(file, `${JSON.stringify(rows, null, 1)}\n`);
}

void main();
