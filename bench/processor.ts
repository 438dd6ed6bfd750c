import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";

/** The processor's name and its widest vectors, which one name may or may not have: "AMD EPYC with AVX-512". */
export function processorName(): string {
  const [{ model }] = cpus();
  const flags = existsSync("/proc/cpuinfo") ? readFileSync("/proc/cpuinfo", "utf8") : "";
  const vectors = /\bavx512f\b/.test(flags) ? "AVX-512" : /\bavx2\b/.test(flags) ? "AVX2" : undefined;
  return vectors ? `${model} with ${vectors}` : model;
}
