import * as tf from "@tensorflow/tfjs";
import { downloaded } from "../engine/native.js";
import type { Dataset } from "../data/index.js";
import type { WorkOptions } from "../progress.js";
import { train } from "../search/train.js";
import type { SearchSpace } from "../space/index.js";

/** How the full model is trained on the source; the same steps, batch and step size as the search's. */
export interface TrainedModelsOptions extends WorkOptions {
  readonly steps: number;
  readonly batch: number;
  readonly stepSize: number;
  readonly seed: number;
}

/** Full models trained on the source, each on first use. */
export class TrainedModels {
  private readonly weights = new Map<number, Promise<Float32Array[]>>();

  constructor(
    private readonly space: SearchSpace,
    private readonly source: Dataset,
    readonly options: TrainedModelsOptions,
  ) {}

  /** The weights of model `number`, in the plan's order. */
  model(number: number): Promise<Float32Array[]> {
    let weights = this.weights.get(number);
    if (!weights) {
      weights = this.train(number);
      this.weights.set(number, weights);
    }
    return weights;
  }

  private async train(number: number): Promise<Float32Array[]> {
    const draws = [this.options.seed, "full model", number];
    const start = this.space.initialise(...draws);
    const trained = await train(this.space.plan, this.source, start, { ...this.options, draws });
    const values = trained.map((tensor) => downloaded(tensor));
    tf.dispose([start, trained]);
    return values;
  }
}
