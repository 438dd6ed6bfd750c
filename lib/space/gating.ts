import * as tf from "@tensorflow/tfjs";
import { TwotempError } from "../errors.js";
import { dissect, type Anatomy, inputOwner, type WiredCall } from "./anatomy.js";
import { type Blocks, findBlocks, stepOver } from "./blocks.js";
import { type GraphCall, traceModel } from "./graph.js";
import { asBuilt } from "./initialise.js";
import { sizeOf } from "./labels.js";
import { layerRule } from "./roles.js";
import type { GateGroup, GateKind, LayerCall, Plan, ValueGates, WeightSpec } from "./types.js";

/** Which gates a layer gets. */
export type GateChoice = GateKind | "none";

/** One kind for the whole model, or a choice for each layer (input layers and merges are layers too). */
export type GateSelector = GateKind | ((layer: tf.layers.Layer) => GateChoice);

/** A layer (or part of one) that has no gates, and why. */
export interface Ungated {
  readonly layer: string;
  readonly className: string;
  readonly reason: string;
}

/** A model with gates on it. */
export interface Gating {
  readonly anatomy: Anatomy;
  readonly plan: Plan;
  readonly groups: readonly GateGroup[];
  /** The gate of each unit (by node), -1 without one. */
  readonly gateOfUnit: Int32Array;
  readonly ungated: readonly Ungated[];
  /** The layers that write chains which may be stepped over as `x + a (f(x) - x)`. */
  readonly steps: { readonly differences: ReadonlySet<tf.layers.Layer>; readonly adds: ReadonlySet<tf.layers.Layer> };
}

/** Which kinds of gates a layer may have. */
type Possible = (layer: tf.layers.Layer) => readonly GateKind[];

const gateKinds: readonly GateKind[] = ["input", "weight", "unit", "block", "op"];

function possibleKinds({ branches, repeated }: Blocks): Possible {
  const blocks = new Set([...branches.keys(), ...repeated.keys()].map(({ layer }) => layer));
  return (layer) => {
    const { sizeKey, gatedWeights } = layerRule(layer);
    const className = layer.getClassName();
    const has: Record<GateKind, boolean> = {
      input: className === "InputLayer",
      weight: gatedWeights !== undefined,
      unit: sizeKey !== undefined,
      block: blocks.has(layer),
      op: className === "OperationSum",
    };
    return gateKinds.filter((kind) => has[kind]);
  };
}

function choose(selector: GateSelector, possible: Possible): (layer: tf.layers.Layer) => GateChoice {
  if (typeof selector !== "function") {
    if (!gateKinds.includes(selector)) {
      throw new TwotempError(
        "space/gates",
        `gates must be ${gateKinds.join(", ")} or a function of the layer, got ${JSON.stringify(selector)}`,
      );
    }
    return (layer) => (possible(layer).includes(selector) ? selector : "none");
  }
  return (layer) => {
    const choice = selector(layer);
    if (choice !== "none" && !possible(layer).includes(choice)) {
      throw new TwotempError(
        "space/gates",
        `gates(${layer.name}) gave ${JSON.stringify(choice)}, ${layer.getClassName()} ${layer.name} may have ${["none", ...possible(layer)].join(", ")}`,
      );
    }
    return choice;
  };
}

/**
 * Puts gates on a model.
 *
 * @throws TwotempError `space/gates` for a kind that doesn't exist or that the layer can't have
 */
export function gateModel(model: tf.LayersModel, selector: GateSelector): Gating {
  const traced = traceModel(model);
  const blocks = findBlocks(traced);
  const possible = possibleKinds(blocks);
  const choice = choose(selector, possible);
  const skipped = [...blocks.repeated].filter(([call]) => choice(call.layer) === "block");
  const { graph, adds, differences } = stepOver(
    traced,
    skipped.map(([, chain]) => chain),
  );
  const choices = new Map<tf.layers.Layer, GateChoice>(
    [...graph.layers.keys()].map((layer) => [layer, traced.layers.has(layer) ? choice(layer) : "none"]),
  );
  const inputLayers = model.inputs.map((tensor) => tensor.sourceLayer);
  const anatomy = dissect(graph, (i) => choices.get(inputLayers[i]) === "input");
  const { units, stations, stationOf, calls } = anatomy;

  const choiceOfOwner = (owner: number): GateChoice =>
    owner < 0 ? choices.get(inputLayers[-1 - owner])! : choices.get(calls[owner].layer)!;
  const pathOfOwner = (owner: number): string => (owner < 0 ? graph.inputNames[-1 - owner] : calls[owner].path);

  const owners = new Map<number, Set<number>>();
  for (let node = 0; node < units.count; node++) {
    const root = units.find(node);
    if (!owners.has(root)) owners.set(root, new Set());
    owners.get(root)!.add(units.ownerOf(node));
  }

  const groups: GateGroup[] = [];
  let gateCount = 0;
  const addGroup = (group: Omit<GateGroup, "offset" | "size">): GateGroup => {
    const made = { ...group, offset: gateCount, size: sizeOf(group.shape) };
    groups.push(made);
    gateCount += made.size;
    return made;
  };
  const ungated: Ungated[] = [];
  const gateOfRoot = new Map<number, number>();

  /** Gates for the units that `owner` is the first to make, in one group for each set of layers that must agree. */
  const gateUnits = (owner: number, kind: "input" | "unit", nodes: Int32Array, shape: readonly number[]): void => {
    const className = owner < 0 ? "InputLayer" : calls[owner].layer.getClassName();
    const byOwners = new Map<string, number[]>();
    const reasons = new Map<string, number>();
    for (const node of nodes) {
      const root = units.find(node);
      if (gateOfRoot.has(root)) continue;
      const makers = [...owners.get(root)!];
      const other = makers.find((maker) => choiceOfOwner(maker) !== kind);
      const reason =
        units.reason(root) ??
        (other === undefined ? undefined : `is tied to ${pathOfOwner(other)}, which has no ${kind} gates`);
      if (reason !== undefined) {
        reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
        continue;
      }
      const key = [...new Set(makers.map(pathOfOwner))].join(" + ");
      if (!byOwners.has(key)) byOwners.set(key, []);
      const roots = byOwners.get(key)!;
      if (roots.at(-1) !== root && !roots.includes(root)) roots.push(root);
    }
    for (const [key, roots] of byOwners) {
      const whole = roots.length === sizeOf(shape) && byOwners.size === 1;
      const { offset } = addGroup({
        name: key,
        kind,
        shape: whole ? shape : [roots.length],
        layers: key.split(" + "),
      });
      roots.forEach((root, i) => gateOfRoot.set(root, offset + i));
    }
    for (const [reason, count] of reasons) {
      const part = count === nodes.length ? "" : `${count} of ${nodes.length} units: `;
      ungated.push({ layer: pathOfOwner(owner), className, reason: part + reason });
    }
  };

  graph.inputs.forEach((value, i) => {
    const { nodes, shape } = stations[stationOf[value]].labels;
    if (choices.get(inputLayers[i]) === "input") gateUnits(inputOwner(i), "input", nodes, shape);
  });

  const gateOfWeight = new Map<number, number>();
  const operandGates = new Map<WiredCall, Int32Array>();
  const gatedOperands = operandsToGate(calls, choices, blocks, adds);
  const seen = new Set<tf.layers.Layer>();
  for (const [c, call] of calls.entries()) {
    const { layer } = call;
    const className = layer.getClassName();
    const kind = choices.get(layer)!;
    const rule = layerRule(layer);
    const operands = gatedOperands.get(c);
    if (operands) {
      const gated = operands.filter(Boolean).length;
      const group = addGroup({
        name: call.path,
        kind: className === "OperationSum" ? "op" : "block",
        shape: [gated],
        layers: [call.path],
      });
      let next = group.offset;
      operandGates.set(
        call,
        Int32Array.from(operands, (has) => (has ? next++ : -1)),
      );
    } else if (kind === "weight" && !seen.has(layer)) {
      for (const index of rule.gatedWeights!) {
        const w = call.weights[index];
        const shape = layer.weights[index].shape as number[];
        const { offset } = addGroup({ name: weightName(call.path, layer, index), kind, shape, layers: [call.path] });
        gateOfWeight.set(w, offset);
      }
    } else if (kind === "unit") {
      const made = stations[stationOf[call.outputs[0]]].labels.nodes;
      gateUnits(c, kind, made, [made.length]);
    } else if (!seen.has(layer) && kind !== "block") {
      const kinds = possible(layer);
      const reason = kinds.length > 0 ? `by choice: it may have ${kinds.join(" or ")} gates` : rule.reason;
      ungated.push({ layer: call.path, className, reason });
    }
    seen.add(layer);
  }

  const gateOfUnit = new Int32Array(units.count).fill(-1);
  for (let node = 0; node < units.count; node++) gateOfUnit[node] = gateOfRoot.get(units.find(node)) ?? -1;

  const planCalls = calls.map((call): LayerCall => {
    const operands = operandGates.get(call);
    const inputGates = call.inputs.map((value, k): ValueGates | undefined => {
      const { nodes, shape } = stations[stationOf[value]].labels;
      const gateOf = nodes.map((node) => gateOfUnit[node]);
      const own = call.reads[k] && gateOf.some((gate) => gate >= 0) ? { gateOf, shape } : undefined;
      if (!operands || operands[k] < 0) return own;
      if (own) {
        throw new TwotempError(
          "space/gates",
          `${call.path} adds an image with gates of its own, and may have none itself: leave out either`,
        );
      }
      return { gateOf: operands.slice(k, k + 1), shape: [1] };
    });
    return {
      layer: call.layer,
      inputs: call.inputs,
      outputs: call.outputs,
      inputGates,
      weights: call.weights,
      sumsOverGates:
        (operands && call.layer.getClassName() === "OperationSum") ||
        call.links.some(({ kind, kernel }) => kind === "sum" && kernel),
    };
  });
  const pathOf = (layer: tf.layers.Layer): string => graph.layers.get(layer)!;
  const plan: Plan = {
    weights: anatomy.weights.map(({ layer, index }, w) => weightSpec(layer, pathOf(layer), index, gateOfWeight.get(w))),
    calls: planCalls,
    inputs: graph.inputs,
    outputs: graph.outputs,
    valueCount: graph.values.length,
    gateCount,
  };
  const layersOf = (made: Iterable<GraphCall>): Set<tf.layers.Layer> => new Set([...made].map(({ layer }) => layer));
  const steps = { differences: layersOf(differences), adds: layersOf(adds.values()) };
  return { anatomy, plan, groups, gateOfUnit, ungated, steps };
}

/** For each merge whose operands have gates, by the number of its call: which of them. */
function operandsToGate(
  calls: readonly WiredCall[],
  choices: ReadonlyMap<tf.layers.Layer, GateChoice>,
  { branches }: Blocks,
  adds: ReadonlyMap<GraphCall, GraphCall>,
): Map<number, readonly boolean[]> {
  const branchesOf = new Map([...branches].map(([{ layer, inputs }, operands]) => [layer, { inputs, operands }]));
  const steps = new Set([...adds.values()].map(({ layer }) => layer));
  const gated = new Map<number, readonly boolean[]>();
  for (const [c, { layer, inputs }] of calls.entries()) {
    if (steps.has(layer)) gated.set(c, [false, true]);
    else if (choices.get(layer) === "op")
      gated.set(
        c,
        inputs.map(() => true),
      );
    else if (choices.get(layer) === "block" && branchesOf.has(layer)) gated.set(c, branchesOf.get(layer)!.operands);
  }
  return gated;
}

const shortName = (layer: tf.layers.Layer, index: number): string =>
  layer.weights[index].name.split("/").at(-1)!.replace(/_\d+$/, "");

const weightName = (path: string, layer: tf.layers.Layer, index: number): string =>
  `${path}/${shortName(layer, index)}`;

const initializerKey = new Map([
  ["kernel", "kernelInitializer"],
  ["bias", "biasInitializer"],
  ["depthwise_kernel", "depthwiseInitializer"],
  ["pointwise_kernel", "pointwiseInitializer"],
  ["recurrent_kernel", "recurrentInitializer"],
  ["embeddings", "embeddingsInitializer"],
  ["gamma", "gammaInitializer"],
  ["beta", "betaInitializer"],
  ["moving_mean", "movingMeanInitializer"],
  ["moving_variance", "movingVarianceInitializer"],
  ["alpha", "alphaInitializer"],
]);

function weightSpec(layer: tf.layers.Layer, path: string, index: number, gateOffset: number | undefined): WeightSpec {
  const variable = layer.weights[index];
  const short = shortName(layer, index);
  // Recurrent layers keep their initialisers in their cell.
  const holder = (layer as { cell?: tf.layers.Layer }).cell ?? layer;
  const key = initializerKey.get(short);
  const initializer = key && (holder as unknown as Record<string, tf.serialization.Serializable | undefined>)[key];
  const forgetting = layer.getClassName() === "LSTM" && short === "bias" && layer.getConfig().unitForgetBias === true;
  return {
    name: `${path}/${short}`,
    layer: path,
    shape: variable.shape as number[],
    trainable: !short.startsWith("moving_") && layer.trainable,
    initializer:
      initializer && !forgetting
        ? { className: initializer.getClassName(), config: initializer.getConfig() }
        : { className: asBuilt, config: {} },
    gateOffset,
  };
}
