import { setImmediate } from "node:timers/promises";
import * as tf from "@tensorflow/tfjs";
import type { Dataset } from "../data/index.js";
import { Random } from "../engine/index.js";
import { downloaded } from "../engine/native.js";
import { TwotempError } from "../errors.js";
import { interruptible } from "../interrupt.js";
import { ProgressMeter, type WorkOptions } from "../progress.js";
import { createRelaxation, estimators, type Numbers, type Relaxation } from "../relaxation/index.js";
import {
  type Architecture,
  type Budget,
  densityOf,
  discretise,
  gateSlots,
  keepLargest,
  keepPositive,
  type SearchSpace,
} from "../space/index.js";
import {
  approximationBound,
  assertCertificate,
  type Bound,
  type Certificate,
  certificate,
  convexRate,
  descent,
  discretisationGap,
  type DiscretisationGap,
  type Rounding,
} from "../theory/index.js";
import { checkCheckpoint, checkpointSettings, type Subject, subjectOf } from "./checkpoint.js";
import { goalOf, type SearchOptions, type SearchSettings, searchSettings } from "./options.js";
import { Price } from "./price.js";
import { type WeightStrategy, weightStrategies, type StrategyState } from "./strategies/index.js";
import { histogramBins, type SearchTrace, snapshotCount, snapshotGates, type TraceEntry } from "./trace.js";

/** What the iterator of a search yields. */
export interface SearchStep {
  readonly step: number;
  readonly loss: number;
  readonly price: number;
  readonly complexity: number;
}

/** Sees a search after each step of a run; `finish`, if there is one, is awaited when the run has ended or was stopped. */
export interface StepObserver {
  (search: Search): void;
  finish?(search: Search): Promise<void>;
}

/** Everything that a search needs to go on exactly from where it was. */
export interface SearchCheckpoint {
  readonly version: 1;
  readonly settings: SearchSettings;
  readonly subject: Subject;
  readonly step: number;
  /** Of all gates, or of each group where the budget holds in every group. */
  readonly prices: readonly number[];
  readonly unrecorded: { readonly loss: number; readonly steps: number };
  readonly relaxation: ReturnType<Relaxation["save"]>;
  readonly strategy: StrategyState;
  readonly trace: SearchTrace;
}

/** A search under way, or finished: see {@link search}. */
export class Search implements AsyncIterable<SearchStep> {
  readonly settings: SearchSettings;
  readonly trace: SearchTrace;
  /** Seconds spent in this object's steps so far; one that goes on from a checkpoint begins at 0. */
  seconds: number = 0;
  private readonly relaxation: Relaxation;
  private readonly strategy: WeightStrategy;
  private readonly price: Price;
  private kept: Uint8Array | undefined;
  /** The last one, which may be asked for again; of many gates it takes a while. */
  private certified: Certificate | undefined;
  private hashed: Subject | undefined;
  private done: number = 0;
  private disposed: boolean = false;
  /** Sum of the losses since the last entry of the trace, and their number. */
  private unrecorded: { readonly loss: number; readonly steps: number } = { loss: 0, steps: 0 };

  constructor(
    readonly space: SearchSpace,
    readonly dataset: Dataset,
    options: SearchOptions,
    resumed?: { readonly checkpoint: SearchCheckpoint; readonly where: string },
  ) {
    const settings = resumed ? checkpointSettings(resumed.checkpoint, resumed.where) : searchSettings(options);
    this.settings = settings;
    if (space.gateCount === 0) {
      throw new TwotempError("search/gates", "the space has no gates: space.summary() says why no layer is gated");
    }
    checkFit(space, dataset);
    const goal = goalOf(settings);
    if (goal && !resumed) checkBudget(space, goal);
    const { seed } = settings;
    const spread = new Random(seed, "initial logits");
    const initialLogits = Float64Array.from(
      { length: space.gateCount },
      () => settings.initialLogit + settings.initialSpread * (2 * spread.uniform() - 1),
    );
    this.price = new Price(space, settings);
    this.relaxation = createRelaxation({
      gateCount: space.gateCount,
      estimator: settings.estimator,
      update: settings.update,
      coldTemperature: settings.coldTemperature,
      hotTemperature: settings.hotTemperature,
      logitBound: settings.logitBound,
      stepSize: settings.stepSize,
      initialLogits,
      annealSteps: settings.steps,
      seed,
    });
    try {
      this.strategy = weightStrategies[settings.weights]({
        space,
        slots: gateSlots(space.plan),
        dataset,
        seed,
        batch: settings.batch,
        redrawEvery: settings.redrawEvery,
        weightStepSize: settings.weightStepSize,
        wholeEvery: settings.wholeEvery,
        episode: settings.episode,
      });
    } catch (error) {
      this.relaxation.dispose();
      this.price.dispose();
      throw error;
    }
    this.trace = {
      groups: space.groups.map(({ name, kind, offset, size, shape }) => ({ name, kind, offset, size, shape })),
      steps: settings.steps,
      density: densityOf(goalOf(settings)),
      budget: settings.budget,
      entries: [],
      snapshots: [],
    };
    if (resumed) this.restore(resumed.checkpoint, resumed.where);
  }

  private restore(checkpoint: SearchCheckpoint, where: string): void {
    const { settings, space, price, trace } = this;
    const fresh = this.relaxation.save();
    try {
      checkCheckpoint(checkpoint, {
        subject: this.subject,
        settings,
        space,
        fresh,
        prices: price.values.length,
        where,
      });
      this.relaxation.load(checkpoint.relaxation);
      this.strategy.load(checkpoint.strategy, checkpoint.step);
    } catch (error) {
      this.dispose();
      if (!(error instanceof TwotempError) || error.code === "search/checkpoint") throw error;
      throw new TwotempError("search/checkpoint", `${where}: ${error.message}`, { cause: error });
    }
    this.done = checkpoint.step;
    price.values = checkpoint.prices;
    this.unrecorded = checkpoint.unrecorded;
    for (const entry of checkpoint.trace.entries) trace.entries.push(entry);
    for (const snapshot of checkpoint.trace.snapshots) trace.snapshots.push(snapshot);
  }

  /** Hashed once, when it is first asked for. */
  private get subject(): Subject {
    return (this.hashed ??= subjectOf(this.space, this.dataset));
  }

  /** Steps done so far. */
  get step(): number {
    return this.done;
  }

  get finished(): boolean {
    return this.done >= this.settings.steps;
  }

  /** A copy of the logits, [gateCount]; positive is open. */
  logits(): Float64Array {
    this.requireTensors();
    return Float64Array.from(this.relaxation.logits());
  }

  /**
   * One step: gates forward, loss and gradients, price of complexity, gates updated.
   *
   * @throws TwotempError `search/ended` after the last step; `search/not-finite` at a loss or a gradient that isn't finite, naming the step, the place and what to
   *   try; the search is then as it was before the step; `theory/violated` after the last step, if the search breaks its
   *   certificate: a fault of the code
   */
  advance(): SearchStep {
    this.requireTensors();
    if (this.finished) {
      throw new TwotempError("search/ended", `the search has done its ${this.settings.steps} steps: begin another`);
    }
    const started = performance.now();
    const gates = this.relaxation.gates();
    const { loss, gateGradient, train } = this.strategy.evaluate(this.done, gates);
    const { complexities, gradient: priceGradient } = this.price.weigh(gates, this.relaxation.gateSum());
    const [lossValue] = loss.dataSync();
    loss.dispose();
    const complexity = complexities.reduce((sum, part) => sum + part, 0);
    const paid = this.price.of(complexities);
    const taken: SearchStep = { step: this.done, loss: lossValue, price: this.price.mean(complexities), complexity };
    const logits =
      this.done % this.settings.recordEvery === 0 || this.done === this.settings.steps - 1
        ? this.relaxation.logits()
        : undefined;
    try {
      this.relaxation.step(gateGradient, lossValue + paid, priceGradient);
    } catch (error) {
      train?.(false);
      throw this.located(error, gateGradient);
    } finally {
      tf.dispose([gateGradient, priceGradient]);
    }
    // From here on nothing fails: a step is done as a whole or not at all.
    train?.(true);
    this.unrecorded = { loss: this.unrecorded.loss + lossValue, steps: this.unrecorded.steps + 1 };
    if (logits) this.record(taken, logits);
    this.price.steer(this.done, complexities, () => this.relaxation.logits());
    this.done += 1;
    this.seconds += (performance.now() - started) / 1000;
    if (this.finished) assertCertificate(this.certificate());
    return taken;
  }

  private requireTensors(): void {
    if (this.disposed) throw new TwotempError("search/ended", "the search has been disposed of: begin another");
  }

  /** An error of the relaxation, with the group that the gate belongs to. */
  private located(error: unknown, gradient: tf.Tensor): unknown {
    if (!(error instanceof TwotempError) || error.code !== "relaxation/not-finite") return error;
    const gate = gradient.dataSync().findIndex((value) => !Number.isFinite(value));
    const group = this.space.groups.find(({ offset, size }) => gate < offset + size);
    const place = group && gate >= 0 ? ` (gate ${gate - group.offset} of ${group.name})` : "";
    return new TwotempError("search/not-finite", `${error.message}${place}`, { cause: error });
  }

  /** Notes a step and the logits that it was taken at. */
  private record(step: SearchStep, logits: Numbers): void {
    const cold = this.settings.coldTemperature;
    // Most gates are in the first or the last bin, which needs no exponential.
    const last = histogramBins - 1;
    const outer = cold * Math.log(last);
    const histogram = new Array<number>(histogramBins).fill(0);
    for (let i = 0; i < logits.length; i++) {
      const x = logits[i];
      const bin = Math.abs(x) < outer ? Math.floor(histogramBins / (1 + Math.exp(-x / cold))) : x > 0 ? last : 0;
      histogram[bin] += 1;
    }
    const kept = this.space.groups.map(({ offset, size }) => {
      let open = 0;
      for (let i = offset; i < offset + size; i++) open += logits[i] > 0 ? 1 : 0;
      return open / size;
    });
    const { loss, steps } = this.unrecorded;
    const entry: TraceEntry = { ...step, loss: loss / steps, kept, histogram };
    this.unrecorded = { loss: 0, steps: 0 };
    this.trace.entries.push(entry);
    const every = Math.ceil(this.settings.steps / snapshotCount);
    const due = this.trace.snapshots.length === 0 || step.step - this.trace.snapshots.at(-1)!.step >= every;
    const ends = step.step === this.settings.steps - 1;
    if (logits.length <= snapshotGates && (due || ends)) {
      this.trace.snapshots.push({ step: step.step, logits: Array.from(logits, (x) => Math.fround(x)) });
    }
  }

  /**
   * Runs to the end, or until the signal aborts or the notebook's Stop button is pressed; run again to go on from there.
   *
   * @param options - `onStep` sees the search after each step; `signal` stops it, keeping what was reached
   * @throws TwotempError as {@link advance}
   */
  async run(options: WorkOptions & { readonly onStep?: StepObserver } = {}): Promise<this> {
    const meter = new ProgressMeter("search", this.settings.steps, options.onProgress, this.done);
    await interruptible(options.signal, async (signal) => {
      let rested = performance.now();
      while (!this.finished && !signal.aborted) {
        this.advance();
        options.onStep?.(this);
        meter.report(this.done);
        if (performance.now() - rested > 30) {
          await setImmediate();
          rested = performance.now();
        }
      }
    });
    await options.onStep?.finish?.(this);
    return this;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<SearchStep> {
    while (!this.finished) {
      yield this.advance();
      await setImmediate();
    }
  }

  /**
   * The architecture that has been learned so far: the gates with the largest logits, mended where they would cut the
   * network (see {@link SearchSpace.within}).
   *
   * @param budget - what to keep; default the search's own budget. If it had none: the gates with positive logits, or as
   *   many others where those would cut the network
   * @throws TwotempError `space/budget` if it isn't a budget, or no network of that budget is found
   */
  architecture(budget?: Budget): Architecture {
    const provenance = {
      method: "twotemp",
      source: this.dataset.name,
      step: this.done,
      settings: { ...this.settings },
    };
    const logits = this.logits();
    const asked = budget === undefined ? goalOf(this.settings) : budget;
    if (asked !== undefined) return this.space.within(logits, asked, provenance);
    const open = keepPositive(logits).reduce((sum, gate) => sum + gate, 0);
    return this.space.within(logits, { density: Math.max(1, open) / this.space.gateCount }, provenance);
  }

  /**
   * The vertex that certificates compare with: as many of the largest logits as the density says, or, for other budgets,
   * what the finished search keeps; without a budget, or under way, the gates with positive logits.
   */
  private mask(logits: ArrayLike<number> = this.relaxation.logits()): Uint8Array {
    const { density, budget } = this.settings;
    if (density !== undefined) return keepLargest(logits, density, this.space.gateCount);
    if (!budget || !this.finished) return keepPositive(logits);
    this.kept ??= discretise(this.space, logits, budget).mask;
    return this.kept;
  }

  /** The regret bound that covers this search's update, beside what was measured (Theorems 1 and 8). */
  certificate(): Certificate {
    if (this.certified?.steps !== this.done) {
      const sums = this.relaxation.accumulators({ ended: this.finished });
      this.certified = certificate(sums, this.relaxation.settings, this.mask(sums.logits));
    }
    return this.certified;
  }

  /**
   * What rounding the gates to the learned architecture costs, on the last step's weights and batch, with the price of
   * complexity: the measured gap beside its first-order estimates. A network's loss isn't convex in its gates, so
   * the estimates are no bounds.
   *
   * Source: Theorem 4 of this project's method notes (docs/theory.md).
   */
  discretisation(): DiscretisationGap {
    return discretisationGap(this.rounding());
  }

  /**
   * What each theorem says about this search: the certificate, the error of the two-temperature gradient at the gates reached,
   * and for the theorems that a network doesn't meet, which assumption fails.
   *
   * @example
   * ```ts
   * await tt.show(tt.figures.bounds(search.theorems()));
   * ```
   * Source: Theorems 1 to 5 and 8 of this project's method notes (docs/theory.md).
   */
  theorems(): Bound[] {
    const {
      estimator,
      update,
      coldTemperature: cold,
      hotTemperature: hot,
      logitBound,
      stepSize,
    } = this.relaxation.settings;
    const { atFinal, atWorst, atTightestGate, fromBelow } = this.certificate();
    const rounding = this.rounding();
    // Sides that nothing is known of, behind assumptions that fail.
    const unknown = { lossOfMean: NaN, meanLoss: NaN, comparatorLoss: NaN, regretBound: NaN };
    const smooth = { smoothness: undefined, fullBatch: false, losses: [], moves: [] };
    return [
      ...[atFinal, atWorst, atTightestGate, fromBelow].flatMap((side) => side ?? []),
      convexRate({ ...unknown, steps: this.done, convex: false }),
      descent({ ...smooth, cold, hot, stepSize, update }),
      discretisationGap(rounding).bound,
      ...(estimators[estimator].certified
        ? [approximationBound(this.logits(), rounding.gradientAtGates, cold, hot, logitBound)]
        : []),
    ];
  }

  /** Objective and gradient at the gates and at the learned architecture, on the last step's weights and batch. */
  private rounding(): Rounding {
    const mask = this.mask();
    const rounded = tf.tensor1d(Float32Array.from(mask));
    const step = Math.max(0, this.done - 1);
    const [atGates, atMask] = [this.relaxation.gates(), rounded].map((gates) => {
      const { loss, gateGradient, train } = this.strategy.evaluate(step, gates, true);
      train?.(false);
      const { complexities, gradient: priceGradient } = this.price.weigh(gates);
      const [lossValue] = loss.dataSync();
      const gradient = tf.add<tf.Tensor1D>(gateGradient, priceGradient);
      const pulls = downloaded(gradient);
      tf.dispose([loss, gateGradient, priceGradient, gradient]);
      return {
        objective: lossValue + this.price.of(complexities),
        gradient: pulls,
        values: downloaded(gates),
      };
    });
    rounded.dispose();
    return {
      gates: atGates.values,
      mask,
      lossOfGates: atGates.objective,
      lossOfMask: atMask.objective,
      gradientAtGates: atGates.gradient,
      gradientAtMask: atMask.gradient,
      convex: false,
    };
  }

  /**
   * Everything needed to go on exactly from here with {@link resumeSearch}. `saveCheckpoint` writes it
   * to a file that `loadCheckpoint` reads: JSON doesn't keep typed arrays.
   *
   * @throws TwotempError `search/ended` after `dispose()`
   */
  checkpoint(): SearchCheckpoint {
    this.requireTensors();
    return {
      version: 1,
      settings: this.settings,
      subject: this.subject,
      step: this.done,
      prices: this.price.values,
      unrecorded: this.unrecorded,
      relaxation: this.relaxation.save(),
      strategy: this.strategy.save(),
      trace: structuredClone(this.trace),
    };
  }

  /** Frees the tensors; logits, trace and architecture can no longer be read afterwards. */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.relaxation.dispose();
    this.strategy.dispose();
    this.price.dispose();
  }
}

/** Refuses a model of several inputs or outputs, and a data set whose shape or classes the model can't take. */
function checkFit(space: SearchSpace, dataset: Dataset): void {
  const { inputs, outputs } = space.model;
  if (inputs.length !== 1 || outputs.length !== 1) {
    throw new TwotempError(
      "search/model",
      `the model has ${inputs.length} inputs and ${outputs.length} outputs, a search needs one of each: give it a model with one input and one output`,
    );
  }
  const inputShape = space.model.inputs[0].shape.slice(1);
  if (inputShape.join() !== dataset.inputShape.join()) {
    throw new TwotempError(
      "search/input-shape",
      `the model reads [${inputShape.join(", ")}], ${dataset.name} has examples of [${dataset.inputShape.join(", ")}]`,
    );
  }
  const classes = space.model.outputs[0].shape.at(-1);
  if (classes !== dataset.classCount) {
    throw new TwotempError(
      "search/classes",
      `the model has ${classes} outputs, ${dataset.name} has ${dataset.classCount} classes: build the model for them`,
    );
  }
}

/** Of more gates, budgets are tried only when the search has ended: it would take seconds. */
const mostTried = 100_000;

/**
 * Refuses a budget that not even the cheapest gates meet.
 *
 * @throws TwotempError `space/budget`, `space/density`
 */
function checkBudget(space: SearchSpace, budget: Budget): void {
  const { gateCount } = space;
  const { parameters, multiplyAdds, everyGroup, repair } = budget;
  if (gateCount > mostTried || repair === false) return;
  const measure = multiplyAdds ? "multiplyAdds" : parameters ? "parameters" : "gates";
  const scores = space.gateSavings(measure).map((cost) => -cost);
  const meets = (other: Budget): boolean => {
    try {
      return discretise(space, scores, other) !== undefined;
    } catch {
      return false;
    }
  };
  if (measure !== "gates") {
    // To fill limits takes long, a network of few gates says as much.
    let few = { density: 1 / gateCount, everyGroup };
    while (few.density < 0.5 && !meets(few)) few = { ...few, density: 2 * few.density };
    if (meets({ parameters, multiplyAdds, ...few })) return;
  }
  discretise(space, scores, budget);
}

/**
 * A search for a sub-architecture by the two-temperature relaxation.
 *
 * Minimises `E_w[loss(f(x; a, w), y)] + gamma <c, a>` over the gates `a = s_tc(theta)`, with weights from the chosen
 * strategy and, if a density is given, `gamma` steered so that the gates reach it.
 *
 * @param space - the gates and the model
 * @param dataset - the source; its examples have the model's input shape and number of classes
 * @param options - see {@link SearchOptions}; every default is documented there
 * @returns the search, not yet begun: `await search.run()`
 * @throws TwotempError `search/options`, `relaxation/option`, `search/model`, `search/input-shape`, `search/classes`,
 *   `search/gates`, `space/budget` for a budget that the space can't have (of more than 100,000 gates `architecture()`
 *   says whether it can be met); of episodes `search/head`, `data/shots`
 * @example
 * ```ts
 * const run = search(space, source, { density: 0.1, steps: 500, seed: 1 });
 * await run.run();
 * const learned = run.architecture();
 * ```
 */
export function search(space: SearchSpace, dataset: Dataset, options: SearchOptions = {}): Search {
  return new Search(space, dataset, options);
}

/**
 * Goes on with a search from its checkpoint, with the same model, gates and data.
 *
 * @param where - names the checkpoint in errors, for example its file
 * @throws TwotempError `search/checkpoint` naming the field, if it isn't a checkpoint of a search of this model, these gates and data
 */
export function resumeSearch(
  space: SearchSpace,
  dataset: Dataset,
  checkpoint: SearchCheckpoint,
  where: string = "checkpoint",
): Search {
  return new Search(space, dataset, {}, { checkpoint, where });
}
