import type * as tf from "@tensorflow/tfjs";
import { TwotempError } from "../errors.js";
import { invalidValue } from "../invalid.js";
import type { Address } from "../engine/index.js";
import { Architecture, type Provenance } from "./architecture.js";
import { type CostMeasure, gateCosts } from "./costs.js";
import { type Budget, budgetSchema } from "./budget.js";
import { discretise, keepLargest } from "./discretise.js";
import { gateModel, type GateSelector, type Gating, type Ungated } from "./gating.js";
import { asTensors, drawConstant, drawWeight } from "./initialise.js";
import { type Counts, type LayerCounts, Liveness } from "./liveness.js";
import { relaxedCount } from "./relaxed.js";
import { type SpaceSummary, summarise } from "./summary.js";
import type { GateGroup, Plan } from "./types.js";

/** What {@link searchSpace} takes. */
export interface SpaceOptions {
  /**
   * One kind of gates for the whole model, or a function that chooses for each layer, input layers included:
   * `(layer) => layer.name === "hidden_1" ? "unit" : "none"`.
   */
  readonly gates: GateSelector;
}

/** A model and the gates on it: every vertex of the gates is a sub-network. See {@link searchSpace}. */
export class SearchSpace {
  readonly plan: Plan;
  readonly groups: readonly GateGroup[];
  readonly gateCount: number;
  /** Layers without gates, and why. */
  readonly ungated: readonly Ungated[];
  /** What the whole network costs. */
  readonly full: Counts;
  private layers: ReadonlyMap<string, LayerCounts> | undefined;
  private readonly savings: Map<Exclude<CostMeasure, "gates">, Float64Array> = new Map();

  constructor(
    readonly model: tf.LayersModel,
    /** The layout behind the plan; for the library's own use. */
    readonly gating: Gating,
    /** Which layers were given gates. */
    readonly gates: GateSelector,
  ) {
    this.plan = gating.plan;
    this.groups = gating.groups;
    this.gateCount = gating.plan.gateCount;
    this.ungated = gating.ungated;
    this.full = this.count(new Uint8Array(this.gateCount).fill(1));
  }

  /**
   * What is left of the network at a vertex: the exact counts of the compacted model.
   *
   * @param mask - one entry a gate, zero for closed
   * @throws TwotempError `space/mask` if the mask hasn't one entry a gate
   */
  count(mask: ArrayLike<number>): Counts {
    return this.liveness(mask).count();
  }

  /** What each layer of the whole network costs, by its path. */
  wholeByLayer(): ReadonlyMap<string, LayerCounts> {
    this.layers ??= this.liveness(new Uint8Array(this.gateCount).fill(1)).byLayer();
    return this.layers;
  }

  /** Which units, weights and layers are left at a vertex. */
  liveness(mask: ArrayLike<number>): Liveness {
    if (mask.length !== this.gateCount) {
      throw new TwotempError(
        "space/mask",
        `the mask has ${mask.length} entries, the space has ${this.gateCount} gates`,
      );
    }
    return new Liveness(this.gating, mask);
  }

  /**
   * What a relaxed architecture costs, differentiable in the gates. At every vertex it is what {@link count} gives, up
   * to float32; between them it is multilinear but for layers that are about to starve.
   *
   * @param gates - in [0, 1], [gateCount]
   * @returns a scalar, in parameters or multiply-adds
   * @throws TwotempError `space/mask` if the vector hasn't one entry a gate; `space/costs` for another measure
   */
  relaxedCount(gates: tf.Tensor1D, measure: "parameters" | "multiplyAdds"): tf.Scalar {
    return relaxedCount(this.gating, gates, measure);
  }

  /**
   * What disappears with each gate, as fractions that sum to 1.
   *
   * @param measure - "gates" counts every gate alike
   * @returns c >= 0, [gateCount]
   * @throws TwotempError `space/costs` for another measure, or if no gate costs anything in it
   */
  costs(measure: CostMeasure = "gates"): Float64Array {
    const savings = this.gateSavings(measure);
    const total = savings.reduce((sum, cost) => sum + cost, 0);
    if (!(total > 0)) {
      throw new TwotempError("space/costs", `no gate of this space costs ${measure}: use the measure "gates"`);
    }
    for (let gate = 0; gate < savings.length; gate++) savings[gate] /= total;
    return savings;
  }

  /**
   * What each gate takes from the full network when it alone is closed, [gateCount]. Of a unit, an input or a weight
   * its own weights alone: where the only path to others leads through it, more disappears, as {@link count} tells.
   */
  gateSavings(measure: CostMeasure): Float64Array {
    if (measure === "gates") return new Float64Array(this.gateCount).fill(1);
    if (measure !== "parameters" && measure !== "multiplyAdds") {
      const given = JSON.stringify(measure);
      throw new TwotempError("space/costs", `measure must be gates, parameters or multiplyAdds, got ${given}`);
    }
    let savings = this.savings.get(measure);
    if (!savings) {
      savings = gateCosts(this.gating, this.full, measure);
      this.savings.set(measure, savings);
    }
    return savings.slice();
  }

  /**
   * Fresh weights, one tensor a weight of the plan, following each layer's own initialiser with keyed draws.
   *
   * @param address - where the draws live, for example `(seed, "search weights", step)`
   */
  initialise(...address: Address): tf.Tensor[] {
    return asTensors(this.plan.weights, this.drawWeights(address));
  }

  /** Like {@link initialise}, but each random kernel has one magnitude with random signs. */
  initialiseConstant(...address: Address): tf.Tensor[] {
    return asTensors(
      this.plan.weights,
      this.plan.weights.map((spec, w) => drawConstant(spec, () => this.currentWeight(w), address)),
    );
  }

  /** The values behind {@link initialise}. */
  drawWeights(address: Address): Float32Array[] {
    return this.plan.weights.map((spec, w) => drawWeight(spec, () => this.currentWeight(w), address));
  }

  /** What the model itself holds at present. */
  currentWeights(): Float32Array[] {
    return this.plan.weights.map((_, w) => this.currentWeight(w));
  }

  private currentWeight(w: number): Float32Array {
    const { layer, index } = this.gating.anatomy.weights[w];
    // The values may be the tensor's own.
    return layer.weights[index].read().dataSync<"float32">().slice();
  }

  /**
   * The architecture of a vertex.
   *
   * @param mask - one entry a gate, zero for closed
   * @param provenance - where it comes from: anything that JSON can hold
   * @throws TwotempError `space/mask`; `space/disconnected` if the vertex cuts the network, saying where
   */
  architecture(mask: ArrayLike<number>, provenance: Provenance = {}): Architecture {
    return new Architecture(
      this,
      Uint8Array.from(mask, (gate) => (gate ? 1 : 0)),
      provenance,
    );
  }

  /**
   * The architecture that keeps the gates with the largest scores: exactly `round(density * gateCount)` of them, ties
   * broken by index.
   *
   * @param scores - one a gate, for example logits
   * @param density - the fraction to keep, in (0, 1]
   * @throws TwotempError `space/density`, `space/mask`, `space/disconnected`
   */
  keepLargest(scores: ArrayLike<number>, density: number, provenance: Provenance = {}): Architecture {
    return this.architecture(keepLargest(scores, density, this.gateCount), provenance);
  }

  /**
   * The architecture that keeps the gates with the largest scores within a budget, mended where that would cut the
   * network; see {@link discretise}. Its provenance tells the budget, what is kept of it, and the gates that
   * mending opened and closed.
   *
   * @param scores - one a gate, for example logits
   * @throws TwotempError `space/budget`, `space/density`, `space/mask`, `space/scores`
   * @example
   * ```ts
   * space.within(search.logits(), { multiplyAdds: space.full.multiplyAdds / 4 });
   * ```
   */
  within(scores: ArrayLike<number>, budget: Budget, provenance: Provenance = {}): Architecture {
    const parsed = budgetSchema.safeParse(budget);
    if (!parsed.success) {
      const [{ path, message }] = parsed.error.issues;
      throw new TwotempError("space/budget", invalidValue({ budget }, ["budget", ...path], message));
    }
    const { mask, kept, opened, closed } = discretise(this, scores, budget);
    return this.architecture(mask, { ...provenance, budget, kept, opened, closed });
  }

  /** What is gated, what isn't and why, what each group costs: plain data whose `toString()` is a table. */
  summary(): SpaceSummary {
    return summarise(this);
  }
}

/**
 * The search space that a model defines: its sub-networks, one for every vertex of the gates.
 *
 * Gates stand on the inputs, on single weights, on units (neurons or channels), on blocks or on operations. Units that
 * must agree (residual adds, shared layers, products) share a gate; units of outputs have none. A unit's gate acts where
 * a layer with weights reads it, so that what stands between (bias, normalisation, activation, pooling) needs nothing.
 *
 * @param model - any sequential or functional LayersModel whose sizes, except the batch's, are fixed
 * @throws TwotempError `space/model`, `space/shape`, `space/gates`
 * @example
 * ```ts
 * const space = searchSpace(mlp({ inputShape: [28, 28, 1], classes: 10 }), { gates: "unit" });
 * console.log(String(space.summary()));
 * ```
 */
export function searchSpace(model: tf.LayersModel, options: SpaceOptions): SearchSpace {
  const gates = options?.gates;
  return new SearchSpace(model, gateModel(model, gates), gates);
}
