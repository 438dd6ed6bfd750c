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

Object.defineProperty(TwotempError.prototype, inspect.custom, {
  /** In a notebook one line, without the stack that leads through the kernel. */
  value(this: TwotempError, _depth: number, options: InspectOptions): string {
    return inKernel() ? `${this.name}: ${this.message}` : inspect(this, { ...options, customInspect: false });
  },
});
