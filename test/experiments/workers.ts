import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { WorkerOptions } from "../../lib/experiments/work.js";
import { until } from "../support.js";
import { kindsModule } from "./support.js";

/** A worker process of a test, with what it printed. */
export class TestWorker {
  output = "";
  private readonly process: ChildProcess;
  /** Listened to from the start: it may end before anybody waits for it. */
  private readonly gone: Promise<unknown>;

  constructor(context: Pick<TestContext, "after">, options: WorkerOptions) {
    const json = JSON.stringify({ workers: 1, modules: [kindsModule], stallSeconds: 2, ...options });
    this.process = spawn(process.execPath, [join(__dirname, "workerProcess.js"), json], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.gone = once(this.process, "exit");
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream?.on("data", (data: Buffer) => (this.output += data.toString()));
    }
    context.after(() => this.kill());
  }

  async says(pattern: RegExp): Promise<void> {
    await until(`the worker to say ${pattern}`, () => pattern.test(this.output)).catch((error: unknown) => {
      throw new Error(`${(error as Error).message}; it said: ${this.output}`);
    });
  }

  /** Its exit code, once it has ended. */
  async exitCode(): Promise<number | null> {
    await this.gone;
    return this.process.exitCode;
  }

  get running(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    this.process.kill(signal);
    await this.gone;
  }
}
