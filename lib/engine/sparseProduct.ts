import * as tf from "@tensorflow/tfjs";
import { attribute, execute, ownKernels } from "./native.js";

/** Which entries of matrices are left, model by model and output by output. */
export interface SparsePlaces {
  /** Where the entries of each output of each model start, and behind them their end; int32 [models * outputs + 1] */
  readonly starts: tf.Tensor1D;
  /** The input that each entry belongs to, int32 [entries] */
  readonly inputs: tf.Tensor1D;
}

/**
 * The product of a batch with a sparse matrix, for several models at once; only where there are {@link ownKernels}:
 *
 * `y[m, b, o] = sum over the entries e of output o of model m of x[m, b, inputs[e]] values[e]`
 *
 * @param x - [models, batch, inputs]
 * @param values - [entries]
 * @param ofInputs - whether it is differentiable in `x`, too, not in the values alone
 * @returns [models, batch, outputs]
 */
export function sparseProduct(
  x: tf.Tensor3D,
  values: tf.Tensor1D,
  { starts, inputs }: SparsePlaces,
  ofInputs: boolean,
): tf.Tensor3D {
  const native = ownKernels()!;
  const both = (own: readonly tf.Tensor[]): readonly tf.Tensor[] => (ofInputs ? own : [x, ...own]);
  const differentiable = tf.customGrad((...given) => {
    const own = given.slice(0, -1) as tf.Tensor[];
    (given.at(-1) as (tensors: tf.Tensor[]) => void)(own);
    return {
      value: execute(native, "TwotempSparseProduct", [], [...both(own), starts, inputs])[0],
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const attributes = [attribute.bool("of_inputs", ofInputs)];
        const all = [...both(saved), starts, inputs, dy];
        const [dx, dvalues] = execute(native, "TwotempSparseProductGradient", attributes, all, 2);
        return ofInputs ? [dx, dvalues] : [dvalues];
      },
    };
  });
  return differentiable(...(ofInputs ? [x, values] : [values])) as tf.Tensor3D;
}
