import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import * as tf from "@tensorflow/tfjs";
import * as tt from "../../lib/index.js";
import { Batches } from "../../lib/search/batches.js";
import type { Runner, Workload } from "./workload.js";

const examples = { train: 20_000, test: 2_000 };

function idx(values: Uint8Array, shape: readonly number[]): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.writeUInt32BE(0x0800 + shape.length);
  shape.forEach((extent, i) => header.writeUInt32BE(extent, 4 + 4 * i));
  return gzipSync(Buffer.concat([header, values]), { level: 6 });
}

/** Writes compressed IDX files of random digits: half of the pixels are background, as in MNIST. */
function writeFiles(folder: string): Parameters<typeof tt.readIdx>[0] {
  const random = new tt.Random(0, "bench idx");
  const path = (name: string): string => join(folder, `${name}.gz`);
  for (const [split, count] of Object.entries(examples)) {
    const pixels = Uint8Array.from({ length: count * 784 }, () => Math.max(0, random.integer(512) - 256));
    writeFileSync(path(`${split}-images`), idx(pixels, [count, 28, 28]));
    writeFileSync(
      path(`${split}-labels`),
      idx(
        Uint8Array.from({ length: count }, (_, i) => i % 10),
        [count],
      ),
    );
  }
  return {
    trainImages: path("train-images"),
    trainLabels: path("train-labels"),
    testImages: path("test-images"),
    testLabels: path("test-labels"),
  };
}

async function withFiles(make: (files: Parameters<typeof tt.readIdx>[0]) => Promise<Runner["run"]>): Promise<Runner> {
  const folder = mkdtempSync(join(tmpdir(), "twotemp-bench-"));
  return { run: await make(writeFiles(folder)), dispose: () => rmSync(folder, { recursive: true }) };
}

export const data: Workload = {
  short: "data set",
  title: "20,000 examples of 28x28 from compressed IDX files; an epoch of batches of 128",
  phases: {
    load: () =>
      withFiles(async (files) => async (iterations) => {
        for (let i = 0; i < iterations; i++) await tt.readIdx(files);
      }),
    epoch: () =>
      withFiles(async (files) => {
        const dataset = await tt.readIdx(files);
        const batches = new Batches(dataset, 128, [0, "bench"]);
        return (iterations) => {
          for (let i = 0; i < iterations; i++) {
            for (let step = 0; step < Math.floor(examples.train / 128); step++) {
              const batch = batches.at(i * 156 + step);
              tf.dispose([batch.inputs, batch.labels]);
            }
          }
        };
      }),
  },
};
