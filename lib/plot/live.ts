import { randomUUID } from "node:crypto";
import { inKernel, sendDisplay } from "../kernel.js";
import type { StepObserver } from "../search/index.js";
import type { Certificate } from "../theory/index.js";
import { figureBundle, figureHeading, plotlyBundle } from "./mime.js";
import { certificateSoFar, panelWith, searchPanel, type SearchUnderWay } from "./searchPanel.js";

/** Milliseconds between two drawings, at least. */
const interval = 300;

/** Part of the search's time that drawing, and that the certificate, may take, at most. */
const timeShare = 0.012;

/** Milliseconds of the search whose share may be spent ahead: the first drawing is slow, as is all code that is run first. */
const ahead = 1500;

/** Milliseconds that a certificate takes for each gate, before the first has been timed. */
const certificateTime = 0.004;

/**
 * A panel that shows a search as it goes: loss, price of complexity, fraction kept of each group, the gates' histogram, the
 * certificate and the time left, redrawn in place.
 *
 * It draws about three times a second, less often where that would take more than 3 % of the search's time; the
 * certificate of a large space is renewed less often than the rest. When the run ends, the last panel is sent with its
 * still, so that the saved notebook shows it everywhere; when it is stopped, the still follows a few seconds later. Outside a
 * notebook it does nothing.
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
  const drawing = new Budget();
  const certifying = new Budget();
  let certificate: Certificate | undefined;

  const draw = (under: SearchUnderWay): void => {
    if (!update) {
      const gates = under.trace.groups.reduce((sum, group) => sum + group.size, 0);
      certifying.charge(gates * certificateTime);
    }
    if (certifying.allows()) certifying.spend(() => (certificate = certificateSoFar(under)));
    drawing.spend(() => {
      const panel = panelWith(under, certificate);
      sendDisplay({ ...plotlyBundle(panel), "text/plain": figureHeading(panel)[0] }, { id, update });
    });
    update = true;
  };
  const observer = (under: SearchUnderWay): void => {
    if (drawing.allows() && inKernel()) draw(under);
  };
  const finish = async (under: SearchUnderWay): Promise<void> => {
    if (!inKernel()) return;
    const still = figureBundle(searchPanel(under));
    if (under.finished) return void sendDisplay(await still, { id, update });
    // Whoever pressed Stop doesn't wait for a browser: the still follows, unless the search goes on meanwhile.
    draw(under);
    const { step } = under;
    void still.then((bundle) => under.step === step && sendDisplay(bundle, { id, update })).catch(() => undefined);
  };
  return Object.assign(observer, { finish });
}

/** Lets work go on only so often that it takes no more than {@link timeShare} of the time. */
class Budget {
  private rested = -Infinity;
  private paidUntil = -Infinity;

  allows(): boolean {
    return performance.now() >= Math.max(this.paidUntil, this.rested);
  }

  spend(work: () => void): void {
    const [started, spent] = [performance.now(), processorTime()];
    work();
    const now = performance.now();
    // On a busy machine, where the browser is late too, seldomer.
    this.rested = now + Math.max(interval, 10 * (now - started));
    this.charge(processorTime() - spent);
  }

  /** Takes `milliseconds` off, as if they had been spent now. */
  charge(milliseconds: number): void {
    this.paidUntil = Math.max(this.paidUntil, performance.now() - ahead) + milliseconds / timeShare;
  }
}

/** Of this process, in milliseconds: what other programs do meanwhile isn't the panel's cost. */
function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
