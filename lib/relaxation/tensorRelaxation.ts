import * as tf from "@tensorflow/tfjs";
import { TwotempError } from "../errors.js";
import { type Accumulators, TensorAccumulators } from "./accumulators.js";
import { checkFinite, checkLoss, checkSize, checkState, meanLossAfter } from "./checks.js";
import { type Estimator, estimators, type EstimatorStep } from "./estimators/index.js";
import { logisticNoise } from "./noise.js";
import type { RelaxationSettings } from "./options.js";
import type { Relaxation, RelaxationState } from "./relaxation.js";
import { type Update, updates } from "./updates/index.js";

/** `R / th` up to which float32 inverts the mirror map. */
const mirrorRatio = 8;

/** The largest gradient whose square float32 can sum. */
const largestGradient = 1e18;

/** The relaxation as float32 tensors: few large operations a step, for very many gates. */
export class TensorRelaxation implements Relaxation {
  private taken = 0;
  private readonly estimator: Estimator;
  private readonly update: Update;
  /** The logits, then the update's memory. */
  private state: tf.Tensor1D[];
  private readonly sums: TensorAccumulators;
  private noise: tf.Tensor1D | undefined;
  private tensor: tf.Tensor1D | undefined;
  private meanLoss: number | undefined;

  constructor(readonly settings: RelaxationSettings) {
    const { initialLogits, hotTemperature, logitBound, update } = settings;
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
    this.state = vectors.map((vector) => tf.keep(tf.tensor1d(Float32Array.from(vector))));
    this.sums = new TensorAccumulators(this.state[0], update === "adaptive");
  }

  get steps(): number {
    return this.taken;
  }

  gates(): tf.Tensor1D {
    this.tensor ??= tf.keep(tf.tidy(() => this.estimator.gates(this.state[0], this.drawn(), this.at(0))));
    return this.tensor;
  }

  step(gateGradient: tf.Tensor1D, loss?: number): void {
    const { settings, estimator } = this;
    checkSize(gateGradient.size, settings.gateCount);
    const known = estimator.needsLoss ? checkLoss(loss, settings.estimator) : 0;
    const gates = this.gates();
    const measured = TensorAccumulators.measure(gateGradient, this.update.needsLargest);
    if (!Number.isFinite(measured.squares) || measured.largest > largestGradient) this.refuse(gateGradient);

    const moved = tf.tidy(() => {
      const [logits, ...memory] = this.state;
      const at = this.at(known - (this.meanLoss ?? known));
      const pulls = (): tf.Tensor1D => estimator.pulls(logits, gateGradient, this.drawn(), at);
      return this.update.moveTensors(logits, memory, gateGradient, pulls, {
        hot: settings.hotTemperature,
        bound: settings.logitBound,
        stepSize: settings.stepSize,
        step: this.taken,
        largest: measured.largest,
      });
    });
    this.sums.add(gates, gateGradient, measured);
    this.sums.moved(moved[0]);
    this.replace(moved);
    if (estimator.needsLoss) this.meanLoss = meanLossAfter(this.meanLoss, known);
    this.taken++;
  }

  logits(): Float64Array {
    const { logitBound } = this.settings;
    const logits = Float64Array.from(this.state[0].dataSync());
    // The mirror map's inverse may round a hair beyond the box.
    for (let i = 0; i < logits.length; i++) logits[i] = Math.min(logitBound, Math.max(-logitBound, logits[i]));
    return logits;
  }

  accumulators(): Accumulators {
    const adaptive = this.settings.update === "adaptive";
    return this.sums.read(this.logits(), adaptive ? Float64Array.from(this.state[2].dataSync()) : undefined);
  }

  save(): RelaxationState {
    const { gateCount, estimator, update } = this.settings;
    const [logits, ...memory] = this.state.map((vector) => Float64Array.from(vector.dataSync()));
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
    this.replace([state.logits, ...state.memory].map((vector) => tf.tensor1d(Float32Array.from(vector))));
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
    this.noise = undefined;
  }

  /** The step's noise, for estimators that draw. */
  private drawn(): tf.Tensor1D | undefined {
    if (!this.estimator.noisy) return undefined;
    const { gateCount, seed } = this.settings;
    this.noise ??= tf.keep(tf.tensor1d(Float32Array.from(logisticNoise(gateCount, seed, this.taken))));
    return this.noise;
  }

  private at(advantage: number): EstimatorStep {
    const { coldTemperature, hotTemperature, annealSteps } = this.settings;
    return { cold: coldTemperature, hot: hotTemperature, step: this.taken, annealSteps, advantage };
  }
}
