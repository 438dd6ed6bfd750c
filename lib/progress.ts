/** How far a long piece of work has come; `remainingSeconds` is unknown until the first part is done. */
export interface Progress {
  readonly label: string;
  readonly done: number;
  readonly total: number;
  readonly elapsedSeconds: number;
  readonly remainingSeconds: number | undefined;
  /** Whether this is the last that is said, also of work that was stopped; without it, work ends when all of it is done. */
  readonly ended?: boolean;
}

/** What every long-running function takes: where to report, and how to be stopped. */
export interface WorkOptions {
  /** Called as work goes on; cheap to call often, the receiver decides how often it draws. */
  readonly onProgress?: (progress: Progress) => void;
  /** Ends the work early; what was reached is kept where the function says so. */
  readonly signal?: AbortSignal;
}

/** Reports progress with an estimate of the time left. */
export class ProgressMeter {
  private readonly started: number = performance.now();

  constructor(
    private readonly label: string,
    private readonly total: number,
    private readonly onProgress: WorkOptions["onProgress"],
    /** Parts that were done before. */
    private readonly from: number = 0,
  ) {}

  /** Says that `done` of the `total` parts are finished. */
  report(done: number): void {
    if (!this.onProgress) return;
    const elapsedSeconds = (performance.now() - this.started) / 1000;
    const now = done - this.from;
    const remainingSeconds = now > 0 ? (elapsedSeconds / now) * (this.total - done) : undefined;
    this.onProgress({ label: this.label, done, total: this.total, elapsedSeconds, remainingSeconds });
  }
}
