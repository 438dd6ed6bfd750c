import { randomUUID } from "node:crypto";
import { SingleBar } from "cli-progress";
import { inKernel, sendDisplay } from "../kernel.js";
import type { Progress } from "../progress.js";
import { escapeHtml } from "./mime.js";
import { duration, whole } from "./numbers.js";

/** Work that takes less time than this gets no bar, in seconds. */
const worthwhile = 2;

/** Seconds between two drawings. */
const interval = 0.25;

/**
 * A progress bar with the time left, for `onProgress` of any long-running function: in a notebook one output that
 * changes in place, in a terminal one line on stderr, and nothing where the output is neither, or when the work takes
 * under two seconds.
 *
 * @returns a handler of progress; use it for one piece of work after the other
 * @example
 * ```ts
 * await search.run({ onProgress: tt.progressBar() });
 * ```
 */
export function progressBar(): (progress: Progress) => void {
  if (inKernel()) return notebookBar();
  if (process.stderr.isTTY) return terminalBar();
  return () => undefined;
}

/** Whether a bar is worth its room: the work takes long, as far as is known. */
function isLong(progress: Progress): boolean {
  return progress.elapsedSeconds + (progress.remainingSeconds ?? 0) > worthwhile && progress.elapsedSeconds > interval;
}

function isLast({ done, total, ended }: Progress): boolean {
  return ended ?? done >= total;
}

function notebookBar(): (progress: Progress) => void {
  let id: string | undefined;
  let drawn = -Infinity;
  return (progress) => {
    const finished = isLast(progress);
    if (id === undefined && (finished || !isLong(progress))) return;
    if (!finished && progress.elapsedSeconds - drawn < interval && progress.elapsedSeconds >= drawn) return;
    const update = id !== undefined;
    id ??= randomUUID();
    drawn = progress.elapsedSeconds;
    const text = progressText(progress);
    const bar = `<progress value="${progress.done}" max="${progress.total}" style="width:20em;vertical-align:middle"></progress>`;
    sendDisplay({ "text/html": `${bar} ${escapeHtml(text)}`, "text/plain": text }, { id, update });
    if (finished) id = undefined;
  };
}

/** Leaves the terminal's cursor, its wrapping and Ctrl-C as they are: work that is stopped may never end its bar. */
const quiet = { format: "{bar} {text}", hideCursor: false, linewrap: true, gracefulExit: false };

/** The bar without keeping the program alive: it draws itself again and again until it is ended. */
function unobtrusive(bar: SingleBar): SingleBar {
  const open = bar as SingleBar & { timer: NodeJS.Timeout | null; render(): void };
  const { render } = open;
  open.render = () => {
    render.call(open);
    open.timer?.unref();
  };
  return bar;
}

function terminalBar(): (progress: Progress) => void {
  let bar: SingleBar | undefined;
  return (progress) => {
    const finished = isLast(progress);
    if (!bar && (finished || !isLong(progress))) return;
    if (!bar) {
      bar = unobtrusive(new SingleBar({ ...quiet, fps: 1 / interval, stream: process.stderr }));
      bar.start(progress.total, progress.done, { text: progressText(progress) });
    }
    bar.update(progress.done, { text: progressText(progress) });
    if (finished) {
      bar.stop();
      bar = undefined;
    }
  };
}

/** `search: 812 of 2,000, 12 s left`, and at the end `search: 2,000 of 2,000 in 21 s`. */
export function progressText(progress: Progress): string {
  const { label, done, total, elapsedSeconds, remainingSeconds } = progress;
  const count = `${label}: ${whole(done)} of ${whole(total)}`;
  if (done >= total) return `${count} in ${duration(elapsedSeconds)}`;
  return remainingSeconds === undefined ? count : `${count}, ${duration(remainingSeconds)} left`;
}
