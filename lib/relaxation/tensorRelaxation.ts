import * as tf from "@tensorflow/tfjs";
import { compiled } from "../engine/index.js";
import { downloaded, uploaded } from "../engine/native.js";
import { TwotempError } from "../errors.js";
import { type Accumulators, TensorAccumulators } from "./accumulators.js";
import { checkFinite, checkLoss, checkPrice, checkSize, checkState, largestGradient, meanLossAfter } from "./checks.js";
import { type Estimator, estimators, type EstimatorStep, type Temperatures } from "./estimators/index.js";
import { logisticNoise } from "./noise.js";
import { type OnePass, onePass, type Opened } from "./onePass.js";
import type { RelaxationSettings } from "./options.js";
import type { Relaxation, RelaxationState } from "./relaxation.js";
import { type Update, type UpdateSettings, updates } from "./updates/index.js";

/** As many gates move in one call: of more, the vectors between the operations leave the cache and fill the memory. */
const together = 1 << 19;

/** `R / th` up to which float32 inverts the mirror map. */
const mirrorRatio = 8;

/** The relaxation as float32 tensors: few large operations a step, for very many gates. */
export class TensorRelaxation implements Relaxation {
  readonly settings: RelaxationSettings<Float32Array>;
  private taken = 0;
  private readonly estimator: Estimator;
  private readonly update: Update;
  /** The logits, then the update's memory. */
  private state: tf.Tensor1D[];
  /** How many of the scalars of a step are the estimator's; the rest are the update's. */
  private readonly estimatorNumbers: number;
  private readonly sums: TensorAccumulators;
  private readonly inOnePass: OnePass | undefined;
  private noise: tf.Tensor1D | undefined;
  private tensor: tf.Tensor1D | undefined;
  /** Of the gates in {@link tensor}, where the project's own op has opened them. */
  private sum: number | undefined;
  private meanLoss: number | undefined;

  constructor(settings: RelaxationSettings) {
    const { initialLogits, hotTemperature, logitBound, update } = settings;
    // Where the logits start in this precision; of millions of gates half of the memory, too.
    this.settings = { ...settings, initialLogits: boxed(Float32Array.from(initialLogits), logitBound) };
    this.estimator = estimators[settings.estimator];
    this.update = updates[update];
    if ((update === "mirror" || update === "adaptive") && logitBound > mirrorRatio * hotTemperature) {
      const most = mirrorRatio * hotTemperature;
      throw new TwotempError(
        "relaxation/option",
        `logitBound must be at most ${mirrorRatio} times the backward temperature, here ${most}, for ${update} in float32; got ${logitBound}`,
      );
    }
    const vectors = [initialLogits, ...this.update.tensorMemory(initialLogits, hotTemperature)];
    this.state = vectors.map((vector) => tf.keep(uploaded(vector)));
    this.sums = new TensorAccumulators(this.state[0], update === "adaptive");
    this.estimatorNumbers = this.estimator.numbers(this.at(0)).length;
    this.inOnePass = onePass(settings);
  }

  get steps(): number {
    return this.taken;
  }

  gates(): tf.Tensor1D {
    if (!this.tensor && this.inOnePass) this.hold(this.inOnePass.open(this.state[0]));
    if (!this.tensor) {
      const numbers = scalars(this.estimator.numbers(this.at(0)));
      [this.tensor] = this.opened(this.state[0], ...this.drawn(), ...numbers) as [tf.Tensor1D];
      tf.keep(this.tensor);
      tf.dispose(numbers);
    }
    return this.tensor;
  }

  gateSum(): number | undefined {
    this.gates();
    return this.sum;
  }

  private hold({ gates, sum }: Opened): void {
    this.tensor = tf.keep(gates);
    this.sum = sum;
  }

  /** The gates of logits, from noise if there is any, and the estimator's numbers. */
  private readonly opened = compiled((logits, ...rest) => {
    const noise = this.estimator.noisy ? [rest.shift() as tf.Tensor1D] : [];
    return [this.estimator.gates(logits as tf.Tensor1D, noise[0], this.temperatures(), rest as tf.Scalar[])];
  });

  step(gateGradient: tf.Tensor1D, loss?: number, price?: tf.Tensor1D): void {
    const { settings, estimator } = this;
    checkSize(gateGradient.size, settings.gateCount);
    checkPrice(price, settings.gateCount);
    const known = estimator.needsLoss ? checkLoss(loss, settings.estimator) : 0;
    tf.tidy(() => {
      if (this.inOnePass) return this.stepInOnePass(gateGradient, price ?? tf.zeros([1]), this.inOnePass);
      this.stepByOps(price ? tf.add(gateGradient, price) : gateGradient, known);
    });
    if (estimator.needsLoss) this.meanLoss = meanLossAfter(this.meanLoss, known);
    this.taken++;
  }

  private stepInOnePass(gateGradient: tf.Tensor1D, price: tf.Tensor1D, pass: OnePass): void {
    const { sums, looks } = this.sums.next();
    const { opened, squares } = pass.step(gateGradient, price, this.gates(), this.state, sums, looks);
    if (!opened) this.refuse(tf.add(gateGradient, price));
    this.forgetGates();
    this.hold(opened);
    // No entry is larger than the length of the whole.
    this.sums.added({ squares, largest: Math.sqrt(squares) });
  }

  private stepByOps(gateGradient: tf.Tensor1D, known: number): void {
    const { estimator } = this;
    const gates = this.gates();
    const measured = TensorAccumulators.measure(gateGradient, this.update.needsLargest);
    if (!Number.isFinite(measured.squares) || measured.largest > largestGradient) this.refuse(gateGradient);
    const numbers = scalars([
      ...estimator.numbers(this.at(known - (this.meanLoss ?? known))),
      ...this.update.numbers({ ...this.updateSettings(), step: this.taken }),
    ]);
    const moved = this.movedInParts([gateGradient, ...this.state, ...this.drawn()], numbers);
    tf.dispose(numbers);
    this.sums.add(gates, gateGradient, moved[0], measured);
    this.replace(moved);
  }

  /** The state after a step, a part of the gates after the other where they are many: each gate moves by itself. */
  private movedInParts(vectors: readonly tf.Tensor1D[], numbers: readonly tf.Scalar[]): tf.Tensor1D[] {
    const { gateCount } = this.settings;
    if (gateCount <= together) return this.moved(...vectors, ...numbers) as tf.Tensor1D[];
    return tf.tidy(() => {
      const parts: tf.Tensor[][] = [];
      for (let offset = 0; offset < gateCount; offset += together) {
        const size = Math.min(together, gateCount - offset);
        parts.push(tf.tidy(() => this.moved(...vectors.map((vector) => tf.slice1d(vector, offset, size)), ...numbers)));
      }
      return this.state.map((_, s) => tf.concat1d(parts.map((part) => part[s] as tf.Tensor1D)));
    });
  }

  /** The state after a step, from the gradient, the state, noise if there is any, and numbers. */
  private readonly moved = compiled((gateGradient, ...rest) => {
    const g = gateGradient as tf.Tensor1D;
    const take = (count: number): tf.Tensor1D[] => rest.splice(0, count) as tf.Tensor1D[];
    const [logits, ...memory] = take(this.state.length);
    const [noise] = take(this.estimator.noisy ? 1 : 0);
    const own = take(this.estimatorNumbers) as unknown as tf.Scalar[];
    const pulls = (): tf.Tensor1D => this.estimator.pulls(logits, g, noise, this.temperatures(), own);
    const numbers = rest as tf.Scalar[];
    return this.update.moveTensors(logits, memory, g, pulls, this.updateSettings(), numbers);
  });

  logits(): Float32Array {
    return boxed(downloaded(this.state[0]), this.settings.logitBound);
  }

  accumulators({ ended = false }: { readonly ended?: boolean } = {}): Accumulators {
    const adaptive = this.settings.update === "adaptive";
    return this.sums.read(this.logits(), adaptive ? downloaded(this.state[2]) : undefined, ended);
  }

  save(): RelaxationState {
    const { gateCount, estimator, update } = this.settings;
    const [logits, ...memory] = this.state.map(downloaded);
    return {
      version: 1,
      precision: "float32",
      gateCount,
      estimator,
      update,
      steps: this.taken,
      logits,
      memory,
      meanLoss: this.meanLoss,
      ...this.sums.save(logits, update === "adaptive" ? memory[1] : undefined),
    };
  }

  load(state: RelaxationState): void {
    checkState(state, this.settings, "float32");
    this.taken = state.steps;
    this.meanLoss = state.meanLoss;
    this.sums.load(state.accumulators, state.pending);
    this.replace([state.logits, ...state.memory].map((vector) => uploaded(vector)));
  }

  dispose(): void {
    this.forgetGates();
    tf.dispose(this.state);
    this.sums.dispose();
  }

  /** Says which entry of the gradient can't be used. */
  private refuse(gateGradient: tf.Tensor1D): never {
    const values = gateGradient.dataSync();
    checkFinite(values, this.taken);
    const gate = values.findIndex((value) => Math.abs(value) > largestGradient);
    throw new TwotempError(
      "relaxation/not-finite",
      `step ${this.taken}: the gradient of gate ${Math.max(gate, 0)} is ${values[Math.max(gate, 0)]}, too large for sums of squares in float32; nothing was updated`,
    );
  }

  private replace(state: tf.Tensor1D[]): void {
    tf.dispose(this.state);
    this.state = state.map((vector) => tf.keep(vector));
    this.forgetGates();
  }

  private forgetGates(): void {
    this.tensor?.dispose();
    this.noise?.dispose();
    this.tensor = undefined;
    this.sum = undefined;
    this.noise = undefined;
  }

  /** The step's noise, for estimators that draw. */
  private drawn(): tf.Tensor1D[] {
    if (!this.estimator.noisy) return [];
    const { gateCount, seed } = this.settings;
    this.noise ??= tf.keep(tf.tensor1d(Float32Array.from(logisticNoise(gateCount, seed, this.taken))));
    return [this.noise];
  }

  private temperatures(): Temperatures {
    return { cold: this.settings.coldTemperature, hot: this.settings.hotTemperature };
  }

  private updateSettings(): UpdateSettings {
    const { hotTemperature: hot, logitBound: bound, stepSize } = this.settings;
    return { hot, bound, stepSize };
  }

  private at(advantage: number): EstimatorStep {
    return { ...this.temperatures(), step: this.taken, annealSteps: this.settings.annealSteps, advantage };
  }
}

/** Rounding, the mirror map's inverse's or the bound's own, may lead a hair beyond the box. */
function boxed(logits: Float32Array, bound: number): Float32Array {
  const nearest = Math.fround(bound);
  // The largest in float32 that isn't beyond it: a factor just below 1 rounds to the number before.
  const most = nearest > bound ? Math.fround(nearest * (1 - 2 ** -24)) : nearest;
  for (let i = 0; i < logits.length; i++) logits[i] = Math.min(most, Math.max(-most, logits[i]));
  return logits;
}

function scalars(numbers: readonly number[]): tf.Scalar[] {
  return numbers.map((number) => tf.scalar(number));
}
