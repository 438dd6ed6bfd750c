import { setImmediate } from "node:timers/promises";
import { TwotempError } from "./errors.js";
import { inKernel, runningCell } from "./kernel.js";

/** The notebook's Stop button while interruptible work goes on. */
interface StopButton {
  readonly cell: unknown;
  readonly controller: AbortController;
  readonly release: () => void;
  users: number;
}

let button: StopButton | undefined;

/**
 * Runs work that the notebook's Stop button ends without losing what it has reached.
 *
 * The first interrupt aborts the signal, and the work returns its partial result as if it had finished; the kernel's
 * own listeners, which would fail the cell, are set aside until then. The second interrupt reaches the kernel: it fails the
 * cell. Nested and parallel work shares one button, and what the same cell starts after it was pressed ends at once.
 * Outside a kernel only the given signal counts.
 *
 * @param signal - of the caller, aborts the work too
 * @param work - ends early when its signal aborts
 * @returns what the work returns
 * @throws TwotempError `work/stopped` if the work, once stopped, fails because it has nothing to return
 * @example
 * ```ts
 * await interruptible(options.signal, async (signal) => {
 *   while (!signal.aborted && !done()) await step();
 * });
 * ```
 */
export async function interruptible<T>(
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (!inKernel()) return work(signal ?? new AbortController().signal);
  // While a cell's synchronous part runs, the kernel has Node end the cell on an interrupt: leave that part first.
  await setImmediate();
  const held = heldButton() ?? takeButton();
  button = held;
  held.users += 1;
  const pressed = held.controller.signal;
  try {
    return await work(signal ? AbortSignal.any([signal, pressed]) : pressed);
  } catch (error) {
    if (!pressed.aborted || error instanceof TwotempError) throw error;
    throw new TwotempError("work/stopped", "stopped before there was a result to keep: run the cell again", {
      cause: error,
    });
  } finally {
    held.users -= 1;
    if (held.users === 0) held.release();
  }
}

/** The button that other work holds, or that was pressed in this very cell. */
function heldButton(): StopButton | undefined {
  const pressed = button?.controller.signal.aborted;
  return button && (pressed ? button.cell === runningCell() : button.users > 0) ? button : undefined;
}

function takeButton(): StopButton {
  const controller = new AbortController();
  const kernelListeners = process.listeners("SIGINT");
  let released = false;
  const release = (): void => {
    if (released) return;
    released = true;
    process.off("SIGINT", press);
    for (const listener of kernelListeners) process.on("SIGINT", listener);
  };
  const press = (): void => {
    release();
    controller.abort();
  };
  for (const listener of kernelListeners) process.off("SIGINT", listener);
  process.on("SIGINT", press);
  return { cell: runningCell(), controller, release, users: 0 };
}
