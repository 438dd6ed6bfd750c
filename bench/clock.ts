import type { Clock } from "./side.js";

/** Milliseconds that some work takes, as they pass or as the processor is used, which other programs disturb less. */
export async function milliseconds(clock: Clock, work: () => unknown): Promise<number> {
  const begun = performance.now();
  const used = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(used);
  return clock === "cpu" ? (user + system) / 1000 : performance.now() - begun;
}
