import type * as tf from "@tensorflow/tfjs";
import type { Dataset } from "../../data/index.js";
import type { OptimizerState } from "../../engine/index.js";
import type { GateSlot } from "../../space/forward.js";
import type { SearchSpace } from "../../space/index.js";

/** What a weight strategy may look at. */
export interface StrategyContext {
  readonly space: SearchSpace;
  readonly slots: readonly GateSlot[];
  readonly dataset: Dataset;
  readonly seed: number;
  /** Examples a step. */
  readonly batch: number;
  /** Steps between two draws of the weights. */
  readonly redrawEvery: number;
  /** Step size of Adam for the weights, where they are trained. */
  readonly weightStepSize: number;
  /** Steps between two that evaluate all gates; the others leave out those that are closed. */
  readonly wholeEvery: number;
  /** Support examples a class, query examples a class and classes of an episode. */
  readonly episode: { readonly shots: number; readonly queries: number; readonly ways?: number };
}

/** A loss and its gradient with respect to the gates. */
export type GateEvaluation = {
  readonly loss: tf.Scalar;
  readonly gateGradient: tf.Tensor1D;
  /** Of strategies that train: steps the weights by their gradient if the step is taken; to be called once, either way. */
  readonly train?: (taken: boolean) => void;
};

/** What a checkpoint keeps of a strategy; empty for those whose weights follow from the step. */
export interface StrategyState {
  readonly weights?: readonly Float32Array[];
  readonly optimizer?: OptimizerState;
  /** The gates that the network was laid out for, 1 where open; missing while it is whole. */
  readonly open?: Uint8Array;
}

/** Where the weights of a search come from: one interface, six strategies. */
export interface WeightStrategy {
  /**
   * The loss at these gates with this step's weights, and the gradient for the gates. The caller disposes of both, and says
   * whether the weights are trained by this step, if that is what the strategy does.
   *
   * @param looking - evaluates all gates and counts each once, which changes nothing that a later step depends on
   */
  evaluate(step: number, gates: tf.Tensor1D, looking?: boolean): GateEvaluation;
  /** What is needed to go on exactly from here. */
  save(): StrategyState;
  load(state: StrategyState, step: number): void;
  dispose(): void;
}
