import type { DataFrame } from "danfojs-node";
import { danfo } from "../danfo.js";
import { csvText, alignedText } from "../table.js";
import { average, effect, holm } from "../statistics/index.js";

/** One retraining, judged by the target's test examples. */
export interface TransferRecord {
  readonly source: string;
  readonly target: string;
  readonly gates: string;
  /** Fraction of the gates that the learned architecture keeps. */
  readonly density: number;
  readonly shots: number;
  readonly arm: string;
  /** Which architecture of the arm. */
  readonly search: number;
  /** Which retraining of the architecture: same shots and initial draw in every arm. */
  readonly retraining: number;
  /** Which shots were drawn. */
  readonly episode: number;
  /** Which initial weights were drawn. */
  readonly draw: number;
  /** The learning rate (or ridge penalty) that the arm's tuning chose. */
  readonly tuned: number;
  /** Fraction of the target's test examples that were right. */
  readonly accuracy: number;
  /** Gates and parameters that the architecture keeps. */
  readonly kept: number;
  readonly parameters: number;
  /** Hash of the architecture. */
  readonly architecture: string;
}

/** One learning rate (or ridge penalty) of one arm, tried on few-shot tasks from the source. */
export interface TuningRecord {
  readonly arm: string;
  readonly shots: number;
  readonly tuned: number;
  readonly accuracy: number;
}

/** Mean accuracy of one arm at one number of shots, with its 95 % interval. */
export interface SummaryRow {
  readonly arm: string;
  readonly label: string;
  readonly shots: number;
  readonly accuracy: number;
  readonly low: number;
  readonly high: number;
  readonly tuned: number;
  readonly parameters: number;
  readonly searches: number;
  readonly retrainings: number;
}

/** The columns of a table of effects. */
export const effectColumns = [
  "source",
  "target",
  "gates",
  "density",
  "shots",
  "control",
  "effect",
  "low",
  "high",
  "searches",
  "retrainings",
] as const;

/** Learned minus one control, in points of accuracy, with its 95 % interval. */
export interface EffectRow {
  readonly source: string;
  readonly target: string;
  readonly gates: string;
  readonly density: number;
  readonly shots: number;
  readonly control: string;
  readonly effect: number;
  readonly low: number;
  readonly high: number;
  readonly searches: number;
  readonly retrainings: number;
}

/** The outcome of {@link transfer}: plain records and what follows from them. */
export class TransferResult {
  constructor(
    readonly records: readonly TransferRecord[],
    readonly tuning: readonly TuningRecord[],
    readonly arms: readonly { readonly name: string; readonly label: string }[],
    /** Controls that mean nothing for this space, with the reason. */
    readonly refused: readonly { readonly arm: string; readonly reason: string }[],
    readonly seed: number,
  ) {}

  private shots(): number[] {
    return [...new Set(this.records.map((record) => record.shots))];
  }

  /** The arms that were retrained at this number of shots: all of them, unless the transfer was stopped. */
  private armsAt(shots: number): TransferResult["arms"] {
    return this.arms.filter(({ name }) => this.records.some((record) => record.arm === name && record.shots === shots));
  }

  private measurements(arm: string, shots: number): { search: number; retraining: number; value: number }[] {
    return this.records
      .filter((record) => record.arm === arm && record.shots === shots)
      .map(({ search, episode, accuracy }) => ({ search, retraining: episode, value: 100 * accuracy }));
  }

  /** Mean accuracy in per cent of each arm at each number of shots, with bootstrap 95 % intervals. */
  summary(): SummaryRow[] {
    return this.shots().flatMap((shots) =>
      this.armsAt(shots).map(({ name, label }) => {
        const own = this.records.filter((record) => record.arm === name && record.shots === shots);
        const { mean, searches, retrainings, ...interval } = average(this.measurements(name, shots), {
          seed: this.seed,
        });
        // Accuracies stay within 0 to 100; where nothing is replicated the interval is unknown, the whole line.
        const [low, high] = Number.isFinite(interval.low)
          ? [Math.max(0, interval.low), Math.min(100, interval.high)]
          : [interval.low, interval.high];
        const parameters = own.reduce((sum, record) => sum + record.parameters, 0) / own.length;
        const [{ tuned }] = own;
        return { arm: name, label, shots, accuracy: mean, low, high, tuned, parameters, searches, retrainings };
      }),
    );
  }

  /**
   * Learned minus each control, in points of accuracy, with bootstrap 95 % intervals that are not corrected; of a transfer that was
   * stopped only where learned architectures were retrained already.
   */
  effects(): (EffectRow & { readonly p: number; readonly holm: number })[] {
    const { source, target, gates, density } = this.records[0];
    const hasLearned = (shots: number): boolean => this.armsAt(shots).some(({ name }) => name === "learned");
    const rows = this.shots()
      .filter(hasLearned)
      .flatMap((shots) =>
        this.armsAt(shots)
          .filter(({ name }) => name !== "learned")
          .map(({ name }) => {
            const learned = this.measurements("learned", shots);
            const {
              effect: size,
              low,
              high,
              p,
              searches,
              retrainings,
            } = effect(learned, this.measurements(name, shots), {
              seed: this.seed,
            });
            return {
              source,
              target,
              gates,
              density,
              shots,
              control: name,
              effect: size,
              low,
              high,
              searches,
              retrainings,
              p,
            };
          }),
      );
    const corrected = holm(rows.map((row) => row.p));
    return rows.map((row, i) => ({ ...row, holm: corrected[i] }));
  }

  /** The effects as CSV, with a header; ends of unknown intervals are empty. */
  effectsCsv(): string {
    const cell = (value: string | number): string | number | null =>
      typeof value === "string" ? value : Number.isFinite(value) ? Number(value.toFixed(4)) : null;
    return csvText(
      effectColumns,
      this.effects().map((row) => effectColumns.map((column) => cell(row[column]))),
    );
  }

  /** The records as a danfojs DataFrame (its numbers are float32; exact ones are in `records`). */
  async dataFrame(): Promise<DataFrame> {
    const { DataFrame } = await danfo();
    return new DataFrame(this.records as TransferRecord[]);
  }

  /** The summary as aligned text. */
  toString(): string {
    const percent = (value: number): string => value.toFixed(1);
    const signed = (value: number): string => (value > 0 ? "+" : "") + percent(value);
    const interval = ({ low, high }: { low: number; high: number }, text: (value: number) => string): string =>
      Number.isFinite(low) ? `[${text(low)}, ${text(high)}]` : "unknown";
    const head = ["shots", "arm", "accuracy", "95 % interval", "learned - arm", "95 % interval", "parameters", "n"];
    const effects = this.effects();
    const rows = this.summary().map((row) => {
      const difference = effects.find(({ control, shots }) => control === row.arm && shots === row.shots);
      return [
        String(row.shots),
        row.label,
        percent(row.accuracy),
        interval(row, percent),
        difference ? signed(difference.effect) : "",
        difference ? interval(difference, signed) : "",
        String(Math.round(row.parameters)),
        `${row.searches} x ${row.retrainings}`,
      ];
    });
    const table = alignedText([head, ...rows], (_, column) => column !== 1);
    const { source, target } = this.records[0];
    const note = this.refused.map(({ arm, reason }) => `left out: ${arm} (${reason})`);
    for (const shots of this.shots()) {
      const count = this.armsAt(shots).length;
      if (count < this.arms.length) note.push(`stopped: ${count} of ${this.arms.length} arms at ${shots} shots`);
    }
    return [`${source} to ${target}, test accuracy in per cent`, table, ...note].join("\n");
  }
}
