import * as tf from "@tensorflow/tfjs";
import { TwotempError } from "../errors.js";

/** A tensor of the model: where it comes from is told by the calls. Its shape is that of one example. */
export interface GraphValue {
  readonly shape: readonly number[];
}

/** One call of one layer: a layer that is shared has several. */
export interface GraphCall {
  readonly layer: tf.layers.Layer;
  /** The layer's name, behind the names of the nested models that hold it: `encoder/dense_1`. */
  readonly path: string;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

/** A model as a list of calls, nested models opened, inputs before their readers. */
export interface Graph {
  readonly values: readonly GraphValue[];
  readonly calls: readonly GraphCall[];
  readonly inputs: readonly number[];
  readonly inputNames: readonly string[];
  readonly outputs: readonly number[];
  /** Each layer with weights or calls, once, under its path. */
  readonly layers: ReadonlyMap<tf.layers.Layer, string>;
}

/** The part of TensorFlow.js's layer graph that its types keep to themselves. */
interface Node {
  readonly inputTensors: readonly tf.SymbolicTensor[];
  readonly outputTensors: readonly tf.SymbolicTensor[];
}

const nodeOf = (tensor: tf.SymbolicTensor): Node =>
  (tensor.sourceLayer as unknown as { inboundNodes: Node[] }).inboundNodes[tensor.nodeIndex];

function exampleShape(tensor: tf.SymbolicTensor): number[] {
  const shape = tensor.shape.slice(1);
  if (shape.some((extent) => extent === null)) {
    throw new TwotempError(
      "space/shape",
      `layer ${tensor.sourceLayer.name} has the open shape [${shape.join(", ")}]: fix every size but the batch's`,
    );
  }
  return shape as number[];
}

/**
 * Lays a model out as calls of layers on values.
 *
 * @throws TwotempError `space/model` if it isn't a built LayersModel, `space/shape` if a size other than the batch's is open
 */
export function traceModel(model: tf.LayersModel): Graph {
  if (!(model instanceof tf.LayersModel) || !model.outputs?.length) {
    throw new TwotempError(
      "space/model",
      "searchSpace needs a tf.LayersModel with at least one layer and an input shape",
    );
  }
  const values: GraphValue[] = [];
  const calls: GraphCall[] = [];
  const layers = new Map<tf.layers.Layer, string>();
  const newValue = (tensor: tf.SymbolicTensor): number => values.push({ shape: exampleShape(tensor) }) - 1;

  const trace = (inner: tf.LayersModel, inputs: readonly number[], prefix: string): number[] => {
    const known = new Map<tf.SymbolicTensor, number>();
    inner.inputs.forEach((tensor, i) => known.set(tensor, inputs[i]));
    const pending: tf.SymbolicTensor[] = [...inner.outputs].reverse();
    // An explicit stack: deep models would overflow a recursive walk.
    while (pending.length > 0) {
      const tensor = pending.at(-1)!;
      if (known.has(tensor)) {
        pending.pop();
        continue;
      }
      const node = nodeOf(tensor);
      const missing = node.inputTensors.filter((read) => !known.has(read));
      if (missing.length > 0) {
        pending.push(...missing.reverse());
        continue;
      }
      pending.pop();
      const layer = tensor.sourceLayer;
      const path = layers.get(layer) ?? prefix + layer.name;
      const read = node.inputTensors.map((input) => known.get(input)!);
      if (layer instanceof tf.LayersModel) {
        trace(layer, read, `${path}/`).forEach((value, i) => known.set(node.outputTensors[i], value));
        continue;
      }
      layers.set(layer, path);
      const outputs = node.outputTensors.map((output) => {
        const value = newValue(output);
        known.set(output, value);
        return value;
      });
      calls.push({ layer, path, inputs: read, outputs });
    }
    return inner.outputs.map((tensor) => known.get(tensor)!);
  };

  const inputs = model.inputs.map(newValue);
  const inputNames = model.inputs.map((tensor) => tensor.sourceLayer.name);
  model.inputs.forEach((tensor) => layers.set(tensor.sourceLayer, tensor.sourceLayer.name));
  const outputs = trace(model, inputs, "");
  return { values, calls, inputs, inputNames, outputs, layers };
}
