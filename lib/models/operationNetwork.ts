import * as tf from "@tensorflow/tfjs";
import { TwotempError } from "../errors.js";
import { imageShape, layerName, names, optional, requireOptions, size, stages as stageList } from "./options.js";

import { operation, OperationSum, RmsNorm } from "./operations/index.js";

/** One node of an operation network: the sum of some operations on earlier nodes. */
export interface Stage {
  readonly name: string;
  /** Names of operations, each with a gate of its own. */
  readonly operations: readonly string[];
  /** Channels that come out; default as many as come in. */
  readonly filters?: number;
  /** 2 halves height and width; default 1. */
  readonly stride?: number;
  /** The stages that it reads, by name ("image" is the input); every operation is offered on each. Default the one before. */
  readonly from?: readonly string[];
}

/** What {@link operationNetwork} takes. */
export interface OperationNetworkOptions {
  /** [height, width, channels]. */
  readonly inputShape: readonly number[];
  readonly stages: readonly Stage[];
  readonly classes: number;
}

/**
 * A network whose stages offer several operations each, any subset of which may be open.
 *
 * An operation's output is divided by its root mean square over the example; a stage is the sum of its operations by
 * the square root of their number: `y = sum_k x_k / sqrt(n)`, with gates `y = sum_k a_k x_k / sqrt(sum_k a_k)`. The
 * last stage is flattened, normalised and read by a dense layer with softmax.
 *
 * @param options - see {@link OperationNetworkOptions}; {@link cellStages} and {@link invarianceStages} give stages
 * @throws TwotempError `models/size`, `models/stage`, `models/operation`, `models/options`
 * @example
 * ```ts
 * const model = operationNetwork({ inputShape: [28, 28, 1], classes: 13, stages: invarianceStages() });
 * const space = searchSpace(model, { gates: "op" });   // 50 gates
 * ```
 */
export function operationNetwork(options: OperationNetworkOptions): tf.LayersModel {
  requireOptions("operationNetwork", options, { inputShape: imageShape, stages: stageList, classes: size });
  const { inputShape, stages, classes } = options;
  if (stages.length === 0) throw new TwotempError("models/stage", "a network needs a stage, got none");
  const input = tf.input({ shape: [...inputShape], name: "image" });
  const values = new Map([["image", input]]);
  let previous = "image";
  for (const [i, stage] of stages.entries()) {
    requireOptions(`stage ${stage.name ?? i}`, stage, {
      name: layerName,
      operations: names,
      filters: optional(size),
      stride: optional(size),
      from: optional(names),
    });
    const { name, operations, stride = 1, from = [previous] } = stage;
    if (values.has(name)) {
      throw new TwotempError("models/stage", `two stages are called ${name}; image is the name of the input`);
    }
    const twice = operations.find((which, i) => operations.indexOf(which) !== i);
    if (twice !== undefined) throw new TwotempError("models/stage", `stage ${name} offers ${twice} twice`);
    const terms = from.flatMap((source) => {
      const value = values.get(source);
      if (!value) {
        throw new TwotempError(
          "models/stage",
          `stage ${name} reads ${source}, which isn't an earlier stage: ${[...values.keys()].join(", ")}`,
        );
      }
      const filters = stage.filters ?? value.shape.at(-1)!;
      const prefix = from.length > 1 ? `${name}_${source}` : name;
      return operations.map((which) => {
        const made = operation(which).apply(value, { name: `${prefix}_${which}`, filters, stride });
        return new RmsNorm({ name: `${prefix}_${which}_norm` }).apply(made) as tf.SymbolicTensor;
      });
    });
    if (terms.length === 0) throw new TwotempError("models/stage", `stage ${name} offers no operation`);
    values.set(name, new OperationSum({ name }).apply(terms) as tf.SymbolicTensor);
    previous = name;
  }
  const flat = tf.layers.flatten({ name: "features" }).apply(values.get(previous)!) as tf.SymbolicTensor;
  const normed = new RmsNorm({ name: "features_norm" }).apply(flat) as tf.SymbolicTensor;
  const output = tf.layers.dense({ units: classes, activation: "softmax", name: "classes" }).apply(normed);
  return tf.model({ inputs: input, outputs: output as tf.SymbolicTensor, name: "operations" });
}

/**
 * Four edges that offer 3x3, 5x5 and depthwise convolution, both poolings and skip, behind a convolution: 24 gates and
 * one for the stem.
 */
export function cellStages(filters: number = 12): Stage[] {
  const operations = ["conv3", "conv5", "depthwise3", "max3", "average3", "skip"];
  return [
    { name: "stem", operations: ["conv3"], filters },
    { name: "edge_1", operations },
    { name: "edge_2", operations, stride: 2 },
    { name: "edge_3", operations },
    { name: "edge_4", operations, stride: 2 },
  ];
}

/**
 * Nine stages of operations that differ in what they are invariant to; 50 gates. On 28x28 images the last one has 384
 * features.
 */
export function invarianceStages(): Stage[] {
  const nonlinearities = ["relu", "abs", "square", "tanh", "identity", "winner"];
  const normalisations = ["identity", "channels", "instance"];
  return [
    {
      name: "before",
      operations: ["identity", "blur3", "blur5", "gradient", "laplacian", "contrast", "dilation3", "erosion3"],
    },
    {
      name: "filters",
      operations: ["conv1", "conv3", "conv5", "conv7", "conv9", "oriented7"],
      filters: 12,
      stride: 2,
    },
    { name: "nonlinearity_1", operations: nonlinearities },
    {
      name: "pooling_1",
      operations: ["subsample", "max3", "max5", "average3", "average5", "min3"],
      stride: 2,
    },
    { name: "normalisation_1", operations: normalisations },
    { name: "mixing", operations: ["skip", "conv1", "conv3", "conv5", "depthwise3"], filters: 24 },
    { name: "nonlinearity_2", operations: nonlinearities },
    {
      name: "pooling_2",
      operations: ["subsample", "max3", "max5", "average3", "average5", "global"],
      stride: 2,
    },
    { name: "normalisation_2", operations: [...normalisations, "root"] },
  ];
}
