import type * as tf from "@tensorflow/tfjs";
import type { Clock } from "./side.js";

/** Milliseconds that some work takes, as they pass or as the processor is used, which other programs disturb less. */
export async function milliseconds(clock: Clock, work: () => unknown): Promise<number> {
  const begun = performance.now();
  const used = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(used);
  return clock === "cpu" ? (user + system) / 1000 : performance.now() - begun;
}

/** Milliseconds of processor time that each of `count` predictions takes. */
export async function predictionMs(predict: () => tf.Tensor, count: number): Promise<number> {
  const took = await milliseconds("cpu", async () => {
    for (let i = 0; i < count; i++) {
      const output = predict();
      await output.data();
      output.dispose();
    }
  });
  return took / count;
}
