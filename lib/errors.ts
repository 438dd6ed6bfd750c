import { inspect, type InspectOptions } from "node:util";
import { inKernel } from "./kernel.js";

/**
 * An error of twotemp: one line that names the value and the way out.
 *
 * @param code - what went wrong, for programs, as `room/problem`, for example `data/truncated`
 * @param message - what went wrong, for people, in one line
 * @example
 * ```ts
 * throw new TwotempError("space/density", `density must be in (0, 1], got ${density}`);
 * ```
 */
export class TwotempError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    // A name from a file may hold line breaks.
    super(message.replace(/\s*[\r\n\u2028\u2029]+\s*/g, " "), options);
    this.name = "TwotempError";
    this.code = code;
  }
}

// `inspect.custom` by its public name: a page has no `inspect`, see plot/page.ts.
Object.defineProperty(TwotempError.prototype, Symbol.for("nodejs.util.inspect.custom"), {
  /** In a notebook one line, without the stack that leads through the kernel. */
  value(this: TwotempError, _depth: number, options: InspectOptions): string {
    return inKernel() ? `${this.name}: ${this.message}` : inspect(this, { ...options, customInspect: false });
  },
});

/**
 * The one line that an action fails with, to show a mistake without failing a notebook's cell.
 *
 * @param action - what is expected to throw a {@link TwotempError}
 * @returns its message
 * @throws whatever else the action throws; TwotempError `errors/none` if it succeeds
 * @example
 * ```ts
 * console.log(await errorOf(() => tt.readCsv("nowhere.csv"))); // nowhere.csv: no such file
 * ```
 */
export async function errorOf(action: () => unknown): Promise<string> {
  try {
    await action();
  } catch (error) {
    if (error instanceof TwotempError) return error.message;
    throw error;
  }
  throw new TwotempError("errors/none", "expected the action to fail, it succeeded");
}
