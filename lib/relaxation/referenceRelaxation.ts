import * as tf from "@tensorflow/tfjs";
import { type Accumulators, ReferenceAccumulators } from "./accumulators.js";
import { checkFinite, checkLoss, checkPrice, checkSize, checkState, meanLossAfter } from "./checks.js";
import { type Estimator, estimators, type EstimatorStep } from "./estimators/index.js";
import { logisticNoise } from "./noise.js";
import type { RelaxationSettings } from "./options.js";
import type { Relaxation, RelaxationState } from "./relaxation.js";
import { type Update, updates } from "./updates/index.js";

/** The relaxation in float64: the reference, exact and the same on every engine. */
export class ReferenceRelaxation implements Relaxation {
  private taken = 0;
  private readonly estimator: Estimator;
  private readonly update: Update;
  private readonly current: Float64Array;
  private readonly memory: Float64Array[];
  private readonly sums: ReferenceAccumulators;
  private noise: Float64Array | undefined;
  private values: Float64Array | undefined;
  private tensor: tf.Tensor1D | undefined;
  private meanLoss: number | undefined;

  constructor(readonly settings: RelaxationSettings) {
    this.estimator = estimators[settings.estimator];
    this.update = updates[settings.update];
    this.current = settings.initialLogits.slice();
    this.memory = this.update.memory(settings.gateCount);
    this.sums = new ReferenceAccumulators(settings.initialLogits);
  }

  get steps(): number {
    return this.taken;
  }

  gates(): tf.Tensor1D {
    this.tensor ??= tf.keep(tf.tensor1d(Float32Array.from(this.gateValues())));
    return this.tensor;
  }

  gateSum(): undefined {
    return undefined;
  }

  /** The gates of the current step in float64; owned by the relaxation. */
  gateValues(): Float64Array {
    const { settings, estimator } = this;
    if (estimator.noisy) this.noise ??= logisticNoise(settings.gateCount, settings.seed, this.taken);
    const at = this.at(0);
    this.values ??= this.current.map((x, i) => estimator.gate(x, this.noise?.[i] ?? 0, at));
    return this.values;
  }

  step(gateGradient: tf.Tensor1D, loss?: number, price?: tf.Tensor1D): void {
    checkPrice(price, this.settings.gateCount);
    const g = Float64Array.from(gateGradient.dataSync());
    const added = price?.dataSync();
    // In float32, as tensors are added.
    if (added) for (let i = 0; i < g.length; i++) g[i] = Math.fround(g[i] + added[added.length === 1 ? 0 : i]);
    this.stepValues(g, loss);
  }

  /** {@link step} with the gradient in float64. */
  stepValues(g: Float64Array, loss?: number): void {
    const { settings, estimator, update, current } = this;
    checkSize(g.length, settings.gateCount);
    checkFinite(g, this.taken);
    const known = estimator.needsLoss ? checkLoss(loss, settings.estimator) : 0;
    const a = this.gateValues();
    const at = this.at(known - (this.meanLoss ?? known));
    const v = current.map((x, i) => estimator.pull(x, g[i], this.noise?.[i] ?? 0, at));
    this.sums.add(a, g);
    update.move(current, this.memory, g, v, {
      hot: settings.hotTemperature,
      bound: settings.logitBound,
      stepSize: settings.stepSize,
      step: this.taken,
    });
    this.sums.moved(current);
    if (estimator.needsLoss) this.meanLoss = meanLossAfter(this.meanLoss, known);
    this.taken++;
    this.forgetGates();
  }

  logits(): Float64Array {
    return this.current.slice();
  }

  accumulators(): Accumulators {
    return this.sums.read(this.current);
  }

  save(): RelaxationState {
    const { gateCount, estimator, update } = this.settings;
    return {
      version: 1,
      precision: "float64",
      gateCount,
      estimator,
      update,
      steps: this.taken,
      logits: this.logits(),
      memory: this.memory.map((vector) => vector.slice()),
      meanLoss: this.meanLoss,
      accumulators: this.accumulators(),
      pending: { products: new Float32Array(), vector: new Float32Array() },
    };
  }

  load(state: RelaxationState): void {
    checkState(state, this.settings, "float64");
    this.taken = state.steps;
    this.current.set(state.logits);
    this.memory.forEach((vector, i) => vector.set(state.memory[i]));
    this.meanLoss = state.meanLoss;
    this.sums.load(state.accumulators);
    this.forgetGates();
  }

  dispose(): void {
    this.tensor?.dispose();
    this.tensor = undefined;
  }

  private forgetGates(): void {
    this.dispose();
    this.values = undefined;
    this.noise = undefined;
  }

  private at(advantage: number): EstimatorStep {
    const { coldTemperature, hotTemperature, annealSteps } = this.settings;
    return { cold: coldTemperature, hot: hotTemperature, step: this.taken, annealSteps, advantage };
  }
}
