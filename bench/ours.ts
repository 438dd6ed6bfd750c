import { existsSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { setImmediate } from "node:timers/promises";
import * as tf from "@tensorflow/tfjs";
import { nativeBackend } from "../lib/engine/native.js";
import * as tt from "../lib/index.js";
import { type Runner, workloads } from "./workloads/index.js";

/** What `run.ts` asks of either side, one JSON object a line. */
type Request =
  { readonly open: string; readonly phase: string } | { readonly iterations: number } | { readonly close: true };

/** What the process holds after a collection. */
export interface Memory {
  /** Resident; on Linux without mapped files, of which the system takes pages and gives them back as it likes. */
  readonly bytes: number;
  /** What native code has allocated and not freed, where it tells: resident memory is that, V8's and what either keeps in reserve. */
  readonly nativeBytes?: number;
  /** What is alive in V8's heap. */
  readonly heapBytes: number;
  readonly peakBytes: number;
  readonly tensors: number;
}

function residentBytes(): number {
  const status = existsSync("/proc/self/status") ? readFileSync("/proc/self/status", "utf8") : "";
  const kilobytes = /^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1];
  return kilobytes === undefined ? process.memoryUsage.rss() : 1024 * Number(kilobytes);
}

/** Our side of the benchmark: opens workloads, times iterations, says how much memory it took at most. */
async function serve(engine: tt.EngineName, threads: number): Promise<void> {
  const started = performance.now();
  const running = await tt.ready({ engine, threads: engine === "tensorflow" ? threads : undefined });
  const answer = (value: object): void => void process.stdout.write(`${JSON.stringify(value)}\n`);
  answer({ ready: performance.now() - started, ...running });
  let runner: Runner | undefined;
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line) as Request;
    if ("open" in request) {
      runner = await workloads[request.open].phases[request.phase]();
      answer({ opened: request.open });
    } else if ("iterations" in request) {
      const begun = performance.now();
      const used = process.cpuUsage();
      await runner!.run(request.iterations);
      const { user, system } = process.cpuUsage(used);
      answer({ wall: performance.now() - begun, cpu: (user + system) / 1000 });
    } else {
      // What the engine holds for arrays that are gone it gives back in callbacks, after the collection.
      for (let pass = 0; pass < 2; pass++) {
        globalThis.gc?.();
        await setImmediate();
      }
      answer({
        bytes: residentBytes(),
        nativeBytes: nativeBackend()?.binding.allocatedBytes(),
        heapBytes: process.memoryUsage().heapUsed,
        peakBytes: process.resourceUsage().maxRSS * 1024,
        tensors: tf.memory().numTensors,
      } satisfies Memory);
    }
  }
  runner?.dispose();
}

void serve(process.argv[2] as tt.EngineName, Number(process.argv[3]));
