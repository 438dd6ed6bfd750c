import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { WorkerOptions } from "../../lib/experiments/work.js";
import { kindsModule } from "./support.js";

/** A worker process of a test, with what it printed. */
export class TestWorker {
  output = "";
  private readonly process: ChildProcess;

  constructor(context: Pick<TestContext, "after">, options: WorkerOptions) {
    const json = JSON.stringify({ workers: 1, modules: [kindsModule], stallSeconds: 2, ...options });
    this.process = spawn(process.execPath, [join(__dirname, "workerProcess.js"), json], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream?.on("data", (data: Buffer) => (this.output += data.toString()));
    }
    context.after(() => this.kill());
  }

  async says(pattern: RegExp, seconds: number = 20): Promise<void> {
    for (let waited = 0; !pattern.test(this.output); waited += 0.05) {
      if (waited > seconds) throw new Error(`the worker didn't say ${pattern}: ${this.output}`);
      await delay(50);
    }
  }

  get exitCode(): number | null {
    return this.process.exitCode;
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const gone = once(this.process, "exit");
    this.process.kill(signal);
    await gone;
  }
}
