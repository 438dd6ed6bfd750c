import * as tf from "@tensorflow/tfjs";
import { TwotempError } from "../errors.js";
import { type FinishedGraph, Graph } from "./graph.js";
import { type Binding, executeRaw, type NativeBackend, nativeBackend } from "./native.js";

/** A computation on tensors alone: its outputs follow from its inputs, by the same ops whenever the shapes are the same. */
export type Body = (...inputs: tf.Tensor[]) => tf.Tensor[];

/**
 * Runs a computation as one op. Natively, the first call with inputs of some shapes records which ops the computation
 * executes and makes a function of TensorFlow's of them; from then on the function runs, without a call into the
 * binding for each op. On other engines, or where what it does depends on values or on chance, the computation itself runs.
 *
 * @param body - whatever differs between calls has to come by `inputs`: numbers, and tensors from elsewhere, are taken
 *   as they are at the first call
 * @returns the computation; the caller disposes of what it returns
 * @example
 * ```ts
 * const step = compiled((x, w) => [tf.matMul(x, w)]);
 * const [product] = step(x, w);
 * ```
 */
export function compiled(body: Body): Body {
  const functions = new Map<string, CompiledFunction | undefined>();
  return (...inputs) => {
    const backend = nativeBackend();
    if (!backend) return plainly(body, inputs);
    const ids = backend.getInputTensorIds(inputs);
    // One tensor given twice is recorded as one.
    const key = inputs.map(({ dtype, shape }, i) => `${dtype}[${shape.join()}]${ids.indexOf(ids[i])}`).join();
    if (!functions.has(key)) functions.set(key, compile(backend, body, inputs));
    const found = functions.get(key);
    if (!found) return plainly(body, inputs);
    const outputs = executeRaw(backend, found.name, [], ids, found.outputs);
    return outputs.map((output) => backend.createOutputTensor(output));
  };
}

/** Runs the body op by op; an input that it gives back is given back as a tensor of its own. */
function plainly(body: Body, inputs: readonly tf.Tensor[]): tf.Tensor[] {
  return tf.tidy(() => body(...inputs).map((output) => (inputs.includes(output) ? tf.clone(output) : output)));
}

/** A body as a function of TensorFlow's. */
interface CompiledFunction {
  readonly name: string;
  readonly outputs: number;
}

function compile(backend: NativeBackend, body: Body, inputs: readonly tf.Tensor[]): CompiledFunction | undefined {
  try {
    const recorded = record(backend, body, inputs);
    // Many numbers made on the way may have been drawn; then they are others the next time.
    if (recorded.makesNumbers && record(backend, body, inputs).graph.name !== recorded.graph.name) return undefined;
    return { name: recorded.graph.define(), outputs: recorded.outputs };
  } catch (error) {
    if (error instanceof LooksAtValues) return undefined;
    throw error;
  }
}

/** Thrown where a computation looks at values: what follows may depend on them, so it can't be recorded. */
class LooksAtValues extends Error {}

/** Records a run of the body, which is then thrown away. */
function record(
  backend: NativeBackend,
  body: Body,
  inputs: readonly tf.Tensor[],
): { graph: FinishedGraph; outputs: number; makesNumbers: boolean } {
  const { binding, getInputTensorIds } = backend;
  const graph = new Graph(binding);
  /** Of the id of each tensor that is known, its place in the graph. */
  const places = new Map<number, string>();
  let makesNumbers = false;
  const names = backend.getInputTensorIds(inputs).map((id, i) => {
    const name = graph.input(dtypeOf(binding, inputs[i].dtype), inputs[i].shape);
    places.set(id, name);
    return name;
  });
  const replacements: Pick<Binding, "createTensor" | "executeOp" | "tensorDataSync"> = {
    createTensor: (shape, dtype, values) => {
      const id = binding.createTensor(shape, dtype, values);
      const view = values as Float32Array;
      if (dtype === binding.TF_FLOAT && view.length > 1) makesNumbers = true;
      places.set(id, graph.constant(dtype, shape, view));
      return id;
    },
    executeOp: (op, attributes, given, outputs) => {
      const results = binding.executeOp(op, attributes, given, outputs);
      const node = graph.add(
        op,
        attributes,
        given.map((id) => places.get(id)!),
      );
      results.forEach(({ id }, i) => places.set(id, `${node}:${i}`));
      return results;
    },
    tensorDataSync: () => {
      throw new LooksAtValues();
    },
  };
  const properties = Object.entries(replacements).map(([name, value]) => [name, { value }]);
  try {
    backend.binding = Object.create(binding, Object.fromEntries(properties)) as Binding;
    backend.getInputTensorIds = (tensors) => {
      const ids = getInputTensorIds.call(backend, tensors);
      ids.forEach((id, i) => {
        if (places.has(id)) return;
        const { dtype, shape } = tensors[i];
        places.set(id, graph.constant(dtypeOf(binding, dtype), shape, binding.tensorDataSync(id) as Float32Array));
      });
      return ids;
    };
    let outputs: string[] = [];
    tf.tidy(() => {
      const results = body(...inputs);
      // An input or a constant that is given back as it is needs an op of its own.
      outputs = backend.getInputTensorIds(results).map((id, i) => {
        const attributes = [{ name: "T", type: binding.TF_ATTR_TYPE, value: dtypeOf(binding, results[i].dtype) }];
        return `${graph.add("Identity", attributes, [places.get(id)!])}:0`;
      });
    });
    return { graph: graph.finish(names, outputs), outputs: outputs.length, makesNumbers };
  } finally {
    backend.binding = binding;
    backend.getInputTensorIds = getInputTensorIds;
  }
}

function dtypeOf(binding: Binding, dtype: tf.DataType): number {
  const types: Partial<Record<tf.DataType, number>> = {
    float32: binding.TF_FLOAT,
    int32: binding.TF_INT32,
    bool: binding.TF_BOOL,
  };
  const type = types[dtype];
  if (type !== undefined) return type;
  throw new TwotempError("engine/compiled", `a compiled computation can't take or give a tensor of ${dtype}`);
}
