import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { createInterface, type Interface } from "node:readline";

/** Time as it passes, or time used by the process: on a machine that is busy with other work only the second says much. */
export type Clock = "wall" | "cpu";

/** One of the two programs that are compared: a process that answers each line with a line. */
export class Side {
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly lines: AsyncIterator<string>;
  private readonly reader: Interface;
  private complaints: string = "";

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
    this.child = spawn(command, args, { env });
    this.child.stderr.on("data", (text: Buffer) => (this.complaints += text.toString()));
    this.reader = createInterface({ input: this.child.stdout });
    this.lines = this.reader[Symbol.asyncIterator]();
  }

  /** The next answer. */
  async read<T>(): Promise<T> {
    const { value, done } = await this.lines.next();
    if (done)
      throw new Error(`${this.child.spawnfile} ended: ${this.complaints.trim().split("\n").slice(-3).join(" | ")}`);
    return JSON.parse(value) as T;
  }

  async ask<T>(request: object): Promise<T> {
    this.child.stdin.write(`${JSON.stringify(request)}\n`);
    return this.read<T>();
  }

  /** Milliseconds an iteration, by the clock on the wall or as used by the processor. */
  async time(iterations: number, clock: Clock): Promise<number> {
    return (await this.ask<Record<Clock, number>>({ iterations }))[clock] / iterations;
  }

  end(): void {
    this.child.stdin.end();
  }
}
