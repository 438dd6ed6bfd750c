import { randomUUID } from "node:crypto";
import { inKernel, sendDisplay } from "../kernel.js";
import type { StepObserver } from "../search/index.js";
import { figureBundle, figureHeading, plotlyBundle } from "./mime.js";
import { searchPanel, type SearchUnderWay } from "./searchPanel.js";

/** Milliseconds between two drawings, at least. */
const interval = 300;

/** Part of the search's time that drawing may take, at most. */
const timeShare = 0.03;

/**
 * A panel that shows a search as it goes: loss, price of complexity, fraction kept of each group, the gates' histogram, the
 * certificate and the time left, redrawn in place.
 *
 * It draws about three times a second, less often where that would take more than 3 % of the search's time. When the
 * run ends or is stopped, the last panel is sent with its still, so that the saved notebook shows it everywhere. Outside
 * a notebook it does nothing.
 *
 * @returns a handler for `onStep` of a search's `run`
 * @example
 * ```ts
 * await search.run({ onStep: tt.live.search() });
 * ```
 */
export function search(): StepObserver {
  const id = randomUUID();
  let update = false;
  let due = -Infinity;
  const draw = (under: SearchUnderWay): void => {
    const started = performance.now();
    const panel = searchPanel(under);
    sendDisplay({ ...plotlyBundle(panel), "text/plain": figureHeading(panel)[0] }, { id, update });
    update = true;
    const ended = performance.now();
    due = ended + Math.max(interval, (ended - started) / timeShare);
  };
  const observer = (under: SearchUnderWay): void => {
    if (performance.now() >= due && inKernel()) draw(under);
  };
  const finish = async (under: SearchUnderWay): Promise<void> => {
    if (inKernel()) sendDisplay(await figureBundle(searchPanel(under)), { id, update });
    update = true;
  };
  return Object.assign(observer, { finish });
}
